/** Limits of keys and connections, and what a stopping server does with requests in flight. */
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { Connections } from '../../src/server/connections.ts';
import { startHttpServer } from '../../src/server/http-server.ts';
import { InFlightLimiter } from '../../src/server/in-flight-limiter.ts';
import { KeyLastUsed } from '../../src/server/key-last-used.ts';
import { KeyRateLimiter } from '../../src/server/key-rate-limiter.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openRaw, responsesOn } from '../harness/client.ts';

test('lets a key send one more request when one of its requests ends', () => {
  const inFlight = new InFlightLimiter(3);
  expect([1, 2, 3, 4].map(() => inFlight.enter('a'))).toEqual([true, true, true, false]);
  expect(inFlight.enter('b')).toBe(true);
  inFlight.leave('a');
  expect([1, 2].map(() => inFlight.enter('a'))).toEqual([true, false]);
  for (let count = 0; count < 3; count += 1) inFlight.leave('a');
  expect([1, 2, 3, 4].map(() => inFlight.enter('a'))).toEqual([true, true, true, false]);
});

const holder = (limit: ReturnType<typeof rateLimit> | 'default' | 'off') => ({
  keyId: 'key',
  digest: 'digest',
  partner: { id: 1, name: 'acme' },
  limit,
  dailyQuota: null,
  maxPriority: 9,
  isTest: false,
});

test('applies a changed burst or rate from the next request on, with a full burst', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const limits = new KeyRateLimiter(undefined);
  const waits = (limit: ReturnType<typeof rateLimit>, count: number) =>
    Array.from({ length: count }, () => {
      const allowance = limits.consume(holder(limit));
      return allowance?.isExceeded ? allowance.retryAfter : 0;
    });
  expect(waits(rateLimit(1, 2), 3)).toEqual([0, 0, 1]);
  expect(waits(rateLimit(1, 3), 4)).toEqual([0, 0, 0, 1]);
  expect(waits(rateLimit(0.5, 3), 4)).toEqual([0, 0, 0, 2]);
  expect(waits(rateLimit(0.5, 3), 1)).toEqual([2]);
  vi.advanceTimersByTime(2_000);
  expect(waits(rateLimit(0.5, 3), 2)).toEqual([0, 2]);
});

test('saves the last use of each key every ten seconds, and again after a failure', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const log = await createLog('silent');
  const warned = vi.spyOn(log, 'warn');
  const recordKeyLastUsed = vi.fn(async (_uses: ReadonlyMap<string, number>) => {});
  const uses = new KeyLastUsed({ recordKeyLastUsed }, log);
  uses.record('a', 1);
  uses.record('a', 2);
  uses.record('b', 3);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(recordKeyLastUsed).not.toHaveBeenCalled();
  const failure = new Error('the store is down');
  recordKeyLastUsed.mockRejectedValueOnce(failure);
  await vi.advanceTimersByTimeAsync(1);
  expect([...(recordKeyLastUsed.mock.calls[0]?.[0] ?? [])]).toEqual([
    ['a', 2],
    ['b', 3],
  ]);
  expect(warned).toHaveBeenCalledExactlyOnceWith(
    { err: failure },
    'The last use of keys could not be recorded.',
  );
  uses.record('a', 4);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([...(recordKeyLastUsed.mock.calls[1]?.[0] ?? [])]).toEqual([
    ['a', 4],
    ['b', 3],
  ]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(recordKeyLastUsed).toHaveBeenCalledTimes(2);
  await uses.stop();
});

test('waits for a save in progress when it stops', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const saving = Promise.withResolvers<void>();
  const uses = new KeyLastUsed({ recordKeyLastUsed: () => saving.promise }, await createLog('silent'));
  uses.record('a', 1);
  await vi.advanceTimersByTimeAsync(10_000);
  const onStopped = vi.fn();
  const stopped = uses.stop().then(onStopped);
  await vi.advanceTimersByTimeAsync(1);
  expect(onStopped).not.toHaveBeenCalled();
  saving.resolve();
  await stopped;
});

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** More than the system buffers for a connection. */
const longBody = JSON.stringify('x'.repeat(10_000_000));

/** Starts a server that responds only when the test calls `respondNext`. */
async function startControlledServer(
  body = '{}',
  options: { writeTimeout?: number; requestsPerAddress?: number } = {},
) {
  const waiting: (() => void)[] = [];
  const app = {
    fetch: () => new Promise<Response>((resolve) => waiting.push(() => resolve(new Response(body)))),
  };
  const log = await createLog('silent');
  const warned = vi.spyOn(log, 'warn');
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log, ...options });
  const stop = () => server.stop();
  onTestFinished(async () => {
    for (const respond of waiting) respond();
    await stop();
  });
  const connected = async () => {
    const socket = openRaw({ url: `http://127.0.0.1:${server.port}`, key: '' });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const respondNext = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    waiting.shift()?.();
  };
  return { connected, respondNext, stop, waiting, warned };
}

test('closes the connections of requests that are still in flight at the shutdown deadline, and logs it', async () => {
  const { connected, stop, waiting, warned } = await startControlledServer();
  const socket = await connected();
  socket.write(get);
  await expect.poll(() => waiting.length).toBe(1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const closed = once(socket, 'close');
  const stopped = stop();
  vi.advanceTimersByTime(6_999);
  expect(warned).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  await Promise.all([closed, stopped]);
  expect(warned).toHaveBeenCalledExactlyOnceWith(
    'Requests were still in flight at the shutdown deadline; their connections were closed.',
  );
});

test('announces a keep-alive timeout that is longer than that of proxies', async () => {
  const { connected, respondNext } = await startControlledServer();
  const socket = await connected();
  const received = responsesOn(socket, 1);
  socket.write(get);
  await respondNext();
  const [response] = await received;
  expect(response?.headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=65' });
});

test('responds to requests in flight while it stops, and announces that connections close', async () => {
  const { connected, respondNext, stop, waiting } = await startControlledServer();
  const [idle, busy, pipelining] = [await connected(), await connected(), await connected()];
  const idleClosed = once(idle.resume(), 'close');
  const single = responsesOn(busy);
  const several = responsesOn(pipelining);
  busy.write(get);
  pipelining.write(get + get);
  await expect.poll(() => waiting.length).toBe(3);
  const stopped = stop();
  // The server ignores requests on a connection whose last response is announced.
  busy.write(get);
  await idleClosed;
  for (let count = 0; count < 3; count += 1) await respondNext();
  const connectionHeaders = [...(await single), ...(await several)].map(
    ({ status, headers }) => `${status} ${headers['connection']}`,
  );
  expect(connectionHeaders.toSorted()).toEqual(['200 close', '200 close', '200 keep-alive']);
  await stopped;
  expect(waiting).toEqual([]);
});

test('completes a response that has begun when the body of its request cannot be read, and sends no other', async () => {
  const { connected, respondNext } = await startControlledServer(longBody);
  const aborted = vi.spyOn(Connections.prototype, 'abort');
  onTestFinished(() => void aborted.mockRestore());
  const socket = await connected();
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await respondNext();
  await once(socket, 'readable');
  socket.write('no chunk\r\n');
  await expect.poll(() => aborted.mock.calls.length).toBeGreaterThan(0);
  const responses = await responsesOn(socket);
  expect(responses.map(({ text }) => text.length)).toEqual([longBody.length]);
});

test('processes a hundred requests in flight on one connection, and closes it after the last', async () => {
  const { connected, respondNext, waiting } = await startControlledServer();
  const socket = await connected();
  const received = responsesOn(socket);
  socket.write(get.repeat(150));
  await expect.poll(() => waiting.length).toBeGreaterThanOrEqual(100);
  while (waiting.length > 0) await respondNext();
  const responses = await received;
  expect(responses).toHaveLength(100);
  expect(responses.findIndex(({ headers }) => headers['connection'] === 'close')).toBe(99);
});

test('processes no request after one that exceeds the limit of its address', async () => {
  const { connected, respondNext, waiting } = await startControlledServer('{}', { requestsPerAddress: 1 });
  const socket = await connected();
  const received = responsesOn(socket);
  socket.write(get.repeat(3));
  await respondNext();
  expect((await received).map(({ status, headers }) => [status, headers['connection']])).toEqual([
    [200, 'keep-alive'],
    [429, 'close'],
  ]);
  expect(waiting).toEqual([]);
});

test('completes a response that has begun when the server stops, then closes its connection', async () => {
  const { connected, respondNext, stop, warned } = await startControlledServer(longBody);
  const socket = await connected();
  socket.write(get);
  await respondNext();
  await once(socket, 'readable');
  const stopped = stop();
  const [response] = await responsesOn(socket);
  expect(response?.headers['connection']).toBe('keep-alive');
  expect(response?.text.length).toBe(longBody.length);
  await stopped;
  // A connection that stays open until the stop timeout would cause a warning.
  expect(warned).not.toHaveBeenCalled();
});

test.each([
  ['nothing more', ''],
  // Node's own timeout starts again with each of them.
  ['line ends', '\r\n'],
  ['invalid HTTP', 'no request\r\n\r\n'],
])('resets the connection of a client that reads nothing, and sends %s', async (_what, bytes) => {
  const { connected, respondNext, stop, warned } = await startControlledServer(longBody, {
    writeTimeout: 300,
  });
  const socket = await connected();
  socket.pause().write(get);
  await respondNext();
  const sending = setInterval(() => socket.write(bytes), 20);
  onTestFinished(() => clearInterval(sending));
  // It waits for responses that are being sent.
  await stop();
  expect(warned).not.toHaveBeenCalled();
});

test('the write timeout starts again when the client reads some of its response', () => {
  const handle = { bytesWritten: 1_000, writeQueueSize: 1_000 };
  const reset = vi.fn();
  const connections = new Connections(
    { connections: 1, perAddress: 1, requestsPerAddress: 1, pipelined: 1 },
    () => false,
  );
  const socket = { writableLength: 1_000, resetAndDestroy: reset, _handle: handle };
  // The cast: connections use nothing else of a socket.
  connections.open(Object.assign(new EventEmitter(), socket) as unknown as Socket);
  const resetsAfter = (...read: number[]) =>
    read.map((bytes) => {
      handle.writeQueueSize -= bytes;
      connections.resetStalled(3);
      return reset.mock.calls.length;
    });
  expect(resetsAfter(0, 0, 1, 0, 0, 1, 0, 0, 0)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

test('leaves no timer when it has stopped', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const app = { fetch: () => new Response() };
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log: await createLog('silent') });
  expect(vi.getTimerCount()).toBe(1);
  await server.stop();
  expect(vi.getTimerCount()).toBe(0);
});
