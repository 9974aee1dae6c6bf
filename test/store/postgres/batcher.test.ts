import { setImmediate as endOfTick } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { Batcher, type Entry } from '../../../src/store/postgres/batcher.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';

const maxWait = 5_000;

afterEach(() => {
  vi.useRealTimers();
});

/** A batcher that runs one statement at a time, and what it reports. */
function batcherOf(run: (entries: readonly Entry<number, number>[]) => Promise<void>) {
  const reports: string[] = [];
  const batcher = new Batcher<number, number>(
    'submit',
    run,
    { capacity: 100, maxBatchSize: 10, maxInFlight: 1, maxWait },
    {
      batch: (kind, size) => reports.push(`${size} ${kind} done`),
      failure: (kind, size) => reports.push(`${size} ${kind} failed`),
      clockSkew: () => {},
    },
  );
  return { batcher, reports };
}

test('rejects a call that has waited for maxWait while a statement hangs', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const hanging = Promise.withResolvers<void>();
  const { batcher, reports } = batcherOf(() => hanging.promise);
  const rejected: number[] = [];
  const call = (input: number) =>
    batcher.call(input).catch((error: unknown) => {
      expect(error).toBeInstanceOf(StoreUnavailable);
      rejected.push(input);
    });

  void call(1);
  await endOfTick();
  void call(2);
  await vi.advanceTimersByTimeAsync(1_000);
  void call(3);
  await vi.advanceTimersByTimeAsync(maxWait - 1_001);
  expect(rejected).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(rejected).toEqual([2]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(rejected).toEqual([2, 3]);
  expect(reports).toEqual(['1 submit failed', '1 submit failed']);
});

test('sends a call that a statement in flight has delayed for less than maxWait', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const statements: PromiseWithResolvers<void>[] = [];
  const { batcher } = batcherOf(async (entries) => {
    const statement = Promise.withResolvers<void>();
    statements.push(statement);
    await statement.promise;
    for (const { input, resolve } of entries) resolve(input);
  });
  const first = batcher.call(1);
  await endOfTick();
  const second = batcher.call(2);
  await vi.advanceTimersByTimeAsync(maxWait - 1);
  statements[0]?.resolve();
  await expect(first).resolves.toBe(1);
  await endOfTick();
  statements[1]?.resolve();
  await expect(second).resolves.toBe(2);
});

test('reports only calls without a result as failures if the statement fails', async () => {
  const { batcher, reports } = batcherOf(async ([first, second]) => {
    first?.resolve(1);
    second?.reject(new Error('refused row'));
    throw new Error('lost connection');
  });
  const results = await Promise.allSettled([batcher.call(1), batcher.call(2), batcher.call(3)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(results[1]).toMatchObject({ reason: { message: 'refused row' } });
  expect(results[2]).toMatchObject({ reason: { message: 'lost connection' } });
  expect(reports).toEqual(['2 submit failed', '1 submit done']);
});
