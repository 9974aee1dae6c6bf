/** Whether the dialler may have a lead decides whether its partner can still cancel it. */
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createPost,
  type DiallerResponse,
  parseRetryAfter,
  resultOfError,
} from '../../src/delivery/diallers/http-client.ts';

function connectionError(code: string): Error {
  return Object.assign(new Error('connection failed'), { code });
}

test.each([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'HPE_INVALID_CONSTANT',
  'UND_ERR_HEADERS_TIMEOUT',
  'ERR_SSL_BAD_RECORD_MAC',
])('after %s on an established connection the outcome is unknown', (code) => {
  expect(resultOfError(connectionError(code))).toEqual({
    outcome: 'unknown',
    response: `no response (${code})`,
  });
});

test.each([
  [new DOMException('', 'TimeoutError'), 'no response in time'],
  [new DOMException('', 'AbortError'), 'no response before the server stopped'],
  [new TypeError('something else'), 'no response (TypeError)'],
  ['not an Error', 'no response (unknown error)'],
])('after the error %s the outcome is unknown', (error, response) => {
  expect(resultOfError(error)).toEqual({ outcome: 'unknown', response });
});

test('reports in words that the connection was closed without a response', () => {
  expect(resultOfError(connectionError('UND_ERR_SOCKET'))).toEqual({
    outcome: 'unknown',
    response: 'connection closed without a response',
  });
});

test('parses Retry-After in seconds and as a date, up to one hour', () => {
  const now = Date.parse('2026-11-23T09:00:00Z');
  vi.useFakeTimers({ toFake: ['Date'], now });
  const parse = (value: string | string[] | undefined) =>
    // The cast: no other part of the response is read.
    parseRetryAfter({ headers: { 'retry-after': value } } as unknown as DiallerResponse);
  expect(parse('0')).toBe(0);
  expect(parse(' 120 ')).toBe(120_000);
  expect(parse('3600')).toBe(3_600_000);
  expect(parse('3601')).toBe(3_600_000);
  expect(parse('99999999999999999999')).toBe(3_600_000);
  expect(parse(new Date(now + 90_000).toUTCString())).toBe(90_000);
  expect(parse(new Date(now + 7_200_000).toUTCString())).toBe(3_600_000);
  expect(parse(new Date(now - 90_000).toUTCString())).toBe(0);
  expect(parse(['60', '90'])).toBe(60_000);
  for (const none of [undefined, '', ' ', 'soon']) expect(parse(none)).toBeUndefined();
  vi.useRealTimers();
});

test('reports the dialler as unavailable if undici cannot be loaded, and loads it for the next attempt', async () => {
  vi.doMock('undici', () => Promise.reject(new Error('too many open files')));
  onTestFinished(() => void vi.doUnmock('undici'));
  const post = createPost({ concurrency: 1, timeout: 2_000 });
  const request = () => ({ headers: {}, body: '', signal: AbortSignal.timeout(2_000) });
  const url = new URL('http://127.0.0.1:1/');
  expect(await post(url, request())).toMatchObject({ failure: { outcome: 'unavailable' } });
  vi.doUnmock('undici');
  expect(await post(url, request())).toEqual({
    failure: { outcome: 'unavailable', response: 'no response (ECONNREFUSED)' },
  });
});
