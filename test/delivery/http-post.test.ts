/** Whether a lead may be at the dialler decides whether its partner can still cancel it. */
import { expect, test, vi } from 'vitest';
import { type DiallerResponse, failureOf, retryAfterOf } from '../../src/delivery/diallers/http-post.ts';

function failure(code: string): Error {
  return Object.assign(new Error('of the connection'), { code });
}

test.each([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])('after %s the dialler certainly has not got the lead', (code) => {
  expect(failureOf(failure(code))).toEqual({ outcome: 'unavailable', response: `no answer (${code})` });
});

test.each([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'HPE_INVALID_CONSTANT',
  'UND_ERR_HEADERS_TIMEOUT',
])('after %s nobody knows whether the dialler has the lead', (code) => {
  expect(failureOf(failure(code))).toEqual({ outcome: 'unknown', response: `no answer (${code})` });
});

test.each([
  [new DOMException('', 'TimeoutError'), 'no answer in time'],
  [new DOMException('', 'AbortError'), 'no answer before the server stopped'],
  [new Error('something else'), 'no answer (unknown error)'],
  ['not even an error', 'no answer (unknown error)'],
])('nor does anybody after %s', (error, response) => {
  expect(failureOf(error)).toEqual({ outcome: 'unknown', response });
});

test('Retry-After is respected in seconds and as a date, for an hour at most', () => {
  const now = Date.parse('2026-11-23T09:00:00Z');
  vi.useFakeTimers({ toFake: ['Date'], now });
  const asked = (written: string | string[] | undefined) =>
    // The cast: nothing else of a response is looked at.
    retryAfterOf({ headers: { 'retry-after': written } } as unknown as DiallerResponse);
  expect(asked('0')).toBe(0);
  expect(asked(' 120 ')).toBe(120_000);
  expect(asked('3600')).toBe(3_600_000);
  expect(asked('3601')).toBe(3_600_000);
  expect(asked('99999999999999999999')).toBe(3_600_000);
  expect(asked(new Date(now + 90_000).toUTCString())).toBe(90_000);
  expect(asked(new Date(now + 7_200_000).toUTCString())).toBe(3_600_000);
  expect(asked(new Date(now - 90_000).toUTCString())).toBe(0);
  expect(asked(['60', '90'])).toBe(60_000);
  for (const none of [undefined, '', ' ', 'soon']) expect(asked(none)).toBeUndefined();
  vi.useRealTimers();
});
