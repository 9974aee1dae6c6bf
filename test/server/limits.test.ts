/** The parts that count, each on its own: what is counted in is counted out, and a change counts from then on. */
import { EventEmitter, once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { Documents } from '../../src/server/documents.ts';
import { startHttpServer } from '../../src/server/http-server.ts';
import { InFlight } from '../../src/server/in-flight.ts';
import { KeyLastUsed } from '../../src/server/key-last-used.ts';
import { KeyLimits } from '../../src/server/key-limits.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { openRaw, responsesOn } from '../harness/client.ts';

test('when one of several requests of a key ends there is room for one more, and for no other key', () => {
  const inFlight = new InFlight(3);
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
});

test('a change of the burst alone, or of the rate alone, counts from the next request on, with a full burst', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const limits = new KeyLimits(undefined);
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

test('uses of keys are recorded every ten seconds, the last of each, and a failure loses no later one', async () => {
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
  recordKeyLastUsed.mockRejectedValueOnce(new Error('the store is down'));
  await vi.advanceTimersByTimeAsync(1);
  expect([...(recordKeyLastUsed.mock.calls[0]?.[0] ?? [])]).toEqual([
    ['a', 2],
    ['b', 3],
  ]);
  expect(warned).toHaveBeenCalledTimes(1);
  uses.record('a', 4);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([...(recordKeyLastUsed.mock.calls[1]?.[0] ?? [])]).toEqual([['a', 4]]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(recordKeyLastUsed).toHaveBeenCalledTimes(2);
  await uses.stop();
});

test('a client has a minute to read a document, after which its connection is reset', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const reset = vi.fn();
  const socket = Object.assign(new EventEmitter(), { resetAndDestroy: reset });
  // The cast: nothing else of a request is looked at.
  const context = { env: { incoming: { socket } }, req: { method: 'GET' } } as unknown as Parameters<
    Documents['serve']
  >[0];
  new Documents(() => '192.0.2.1').serve(context, { bytes: Buffer.alloc(1_000), headers: {} });
  vi.advanceTimersByTime(59_999);
  expect(reset).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(reset).toHaveBeenCalledTimes(1);
});

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A server whose answers come when the test says. */
async function answering(body = '{}') {
  const waiting: (() => void)[] = [];
  const app = {
    fetch: () => new Promise<Response>((resolve) => waiting.push(() => resolve(new Response(body)))),
  };
  const log = await createLog('silent');
  const warned = vi.spyOn(log, 'warn');
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log });
  const stop = () => server.stop();
  onTestFinished(async () => {
    for (const run of waiting) run();
    await stop();
  });
  const connected = async () => {
    const socket = openRaw({ url: `http://127.0.0.1:${server.port}`, key: '' });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const answerNext = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    waiting.shift()?.();
  };
  return { connected, answerNext, stop, waiting, warned };
}

test('a connection is kept for the next request longer than proxies keep theirs', async () => {
  const { connected, answerNext } = await answering();
  const socket = await connected();
  const received = responsesOn(socket, 1);
  socket.write(get);
  await answerNext();
  const [run] = await received;
  expect(run?.headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=65' });
});

test('while the server stops it answers what is in flight, says that no more is taken, and ends', async () => {
  const { connected, answerNext, stop, waiting } = await answering();
  const [idle, busy, pipelining] = [await connected(), await connected(), await connected()];
  const idleClosed = once(idle.resume(), 'close');
  const single = responsesOn(busy);
  const several = responsesOn(pipelining);
  busy.write(get);
  pipelining.write(get + get);
  await expect.poll(() => waiting.length).toBe(3);
  const stopped = stop();
  // What comes now on a connection whose last answer is announced is not acted on.
  busy.write(get);
  await idleClosed;
  for (let count = 0; count < 3; count += 1) await answerNext();
  const connectionHeaders = [...(await single), ...(await several)].map(
    ({ status, headers }) => `${status} ${headers['connection']}`,
  );
  expect(connectionHeaders.toSorted()).toEqual(['200 close', '200 close', '200 keep-alive']);
  await stopped;
  expect(waiting).toEqual([]);
});

test('an answer that has begun when the server stops is read to its end, and its connection ends with it', async () => {
  const body = JSON.stringify('x'.repeat(10_000_000));
  const { connected, answerNext, stop, warned } = await answering(body);
  const socket = await connected();
  socket.write(get);
  await answerNext();
  await once(socket, 'readable');
  const stopped = stop();
  const [run] = await responsesOn(socket);
  expect(run?.headers['connection']).toBe('keep-alive');
  expect(run?.text.length).toBe(body.length);
  await stopped;
  // Else the connection is kept until the server’s time to stop runs out, of which it warns.
  expect(warned).not.toHaveBeenCalled();
});
