/** Limits of the HTTP client: its connections, the time to establish one, and the size of a body. */
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createPost,
  type DiallerResponse,
  discardBody,
  maxBodySize,
  parseRetryAfter,
  readText,
  resultOfError,
} from '../../src/delivery/diallers/http-client.ts';
import { accept, holdRequests, listening, startReceiver } from '../harness/receiver.ts';

function requestTo(signal = AbortSignal.timeout(20_000)) {
  return { headers: { 'content-type': 'text/plain' }, body: 'lead', signal };
}

/** A response with a body of these chunks, and the number of chunks that were read so far. */
function responseOf(...chunks: (string | Uint8Array | Error)[]) {
  const read = { chunks: 0 };
  async function* body() {
    for (const chunk of chunks) {
      read.chunks += 1;
      if (chunk instanceof Error) throw chunk;
      yield Buffer.from(chunk);
    }
  }
  // The cast: only the body is read, chunk by chunk.
  return { read, response: { body: body() } as unknown as DiallerResponse };
}

test('uses one connection for each lead in flight', async () => {
  const { hold, count, release } = holdRequests(accept);
  const receiver = await startReceiver(hold);
  const post = createPost({ concurrency: 3, timeout: 20_000 });
  const posted = Array.from({ length: 9 }, () => post(new URL(receiver.url), requestTo()));
  await expect.poll(count).toBe(3);
  release();
  for (const result of await Promise.all(posted)) {
    if ('failure' in result) throw new Error(result.failure.response);
    expect(result.response.statusCode).toBe(204);
    await discardBody(result.response);
  }
  expect(receiver.maxConcurrency).toBe(3);
});

test('reports the dialler as unavailable if no connection is established within half of the timeout', async () => {
  const port = await listening(createServer());
  const post = createPost({ concurrency: 1, timeout: 2_000 });
  // The timers of undici have a resolution of one second.
  const request = requestTo(AbortSignal.timeout(3_500));
  expect(await post(new URL(`https://127.0.0.1:${port}/`), request)).toStrictEqual({
    failure: { outcome: 'unavailable', response: 'no response (UND_ERR_CONNECT_TIMEOUT)' },
  });
});

test.each([
  ['no server listens on the port', 'http://127.0.0.1:1/', /^no response \(ECONNREFUSED\)$/],
  ['the host name does not exist', 'http://dialler.invalid/', /^no response \((ENOTFOUND|EAI_AGAIN)\)$/],
])('reports the dialler as unavailable if %s', async (_case, url, response) => {
  const post = createPost({ concurrency: 1, timeout: 20_000 });
  expect(await post(new URL(url), requestTo())).toEqual({
    failure: { outcome: 'unavailable', response: expect.stringMatching(response) },
  });
});

test.each([
  [
    'is reset',
    (socket: Socket) => socket.resetAndDestroy(),
    /ECONNRESET|connection closed without a response/,
  ],
  ['is closed', (socket: Socket) => socket.destroy(), /^connection closed without a response$/],
  ['contains no HTTP', (socket: Socket) => socket.end('220 mail server ready\r\n'), /HTTPParserError/],
])(
  'reports an unknown outcome if the connection %s after the request was sent',
  async (_case, respond, response) => {
    const port = await listening(createServer((socket) => void socket.once('data', () => respond(socket))));
    const post = createPost({ concurrency: 1, timeout: 20_000 });
    expect(await post(new URL(`http://127.0.0.1:${port}/`), requestTo())).toEqual({
      failure: { outcome: 'unknown', response: expect.stringMatching(response) },
    });
  },
);

test.each([
  [
    Object.assign(new Error('aborted'), { name: 'AbortError', code: 'UND_ERR_ABORTED' }),
    'no response (UND_ERR_ABORTED)',
  ],
  [new DOMException('', 'NetworkError'), 'no response (NetworkError)'],
])('reports the code of an error that does not come from aborting the attempt: %s', (error, response) => {
  expect(resultOfError(error)).toStrictEqual({ outcome: 'unknown', response });
});

test('reads a body exactly, even if a character arrives in two chunks', async () => {
  const [first, second] = [Buffer.from('Zo\u00eb').subarray(0, 3), Buffer.from('Zo\u00eb').subarray(3)];
  expect(await readText(responseOf(first, second, '!').response)).toBe('Zo\u00eb!');
  expect(await readText(responseOf().response)).toBe('');
});

test('reads a body of the maximum size to its end, so that the connection stays open', async () => {
  const discard = (response: DiallerResponse) => discardBody(response, maxBodySize);
  for (const consume of [readText, discard]) {
    const { read, response } = responseOf('a'.repeat(maxBodySize - 1), 'b', '');
    await consume(response);
    expect(read.chunks).toBe(3);
  }
});

test('stops reading a body that is dropped once it is larger than the maximum size', async () => {
  const { read, response } = responseOf('a'.repeat(maxBodySize - 1), 'bc', 'd');
  await discardBody(response, maxBodySize);
  expect(read.chunks).toBe(2);
});

test('reads a body that decides the outcome to its end, and keeps the end of a large one', async () => {
  const { read, response } = responseOf('a'.repeat(2 * maxBodySize), 'b', 'c');
  expect(await readText(response)).toBe(`${'a'.repeat(maxBodySize - 1)}bc`);
  expect(read.chunks).toBe(3);
  const drained = responseOf('a'.repeat(2 * maxBodySize), 'b', 'c');
  await discardBody(drained.response);
  expect(drained.read.chunks).toBe(3);
});

test('rejects the reader of a body that breaks off, but not a call that discards it', async () => {
  const broken = new Error('other side closed');
  await expect(readText(responseOf('half', broken).response)).rejects.toBe(broken);
  await expect(discardBody(responseOf('half', broken).response)).resolves.toBeUndefined();
  await expect(discardBody(responseOf('half', broken).response, maxBodySize)).resolves.toBeUndefined();
});

test.each([
  ['2026-11-23T09:01:30Z', 90_000],
  ['Mon, 23 Nov 2026 10:01:30 +0100', 90_000],
  ['Monday, 23-Nov-26 09:01:30 GMT', 90_000],
  ['5x', undefined],
])('parses Retry-After: %s', (value, expected) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23T09:00:00Z') });
  onTestFinished(() => void vi.useRealTimers());
  // The cast: no other part of the response is read.
  const response = { headers: { 'retry-after': value } } as unknown as DiallerResponse;
  expect(parseRetryAfter(response)).toBe(expected);
});
