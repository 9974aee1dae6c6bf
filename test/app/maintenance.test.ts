/** A server runs for months: what it forgets now and then must not be what it forgot once, at its start. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { RegularMaintenance } from '../../src/app/maintenance.ts';
import { idempotencyRetention } from '../../src/leads/idempotency.ts';
import type { Maintenance } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';

const log = await createLog('silent');
const tenMinutes = 10 * 60_000;

/** A store whose steps end as the test says; timers and the clock are the test's. */
function maintained(step: (call: number) => Promise<number>) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const cutoffs: { before: number; at: number }[] = [];
  const deleteIdempotencyRecords = (before: number) => {
    cutoffs.push({ before, at: Date.now() });
    return step(cutoffs.length);
  };
  // The cast: regular maintenance calls nothing else.
  const upkeep = new RegularMaintenance({ deleteIdempotencyRecords } as unknown as Maintenance, log);
  return { upkeep, cutoffs };
}

test('maintenance runs at the start and every ten minutes, and each time counts the day from then', async () => {
  const { upkeep, cutoffs } = maintained(async () => 0);
  expect(cutoffs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(tenMinutes - 1);
  expect(cutoffs).toHaveLength(1);
  for (const runs of [2, 3, 4]) {
    await vi.advanceTimersByTimeAsync(tenMinutes);
    expect(cutoffs).toHaveLength(runs);
  }
  expect(idempotencyRetention).toBe(24 * 3_600_000);
  for (const { before, at } of cutoffs) expect(at - before).toBe(idempotencyRetention);
  await upkeep.stop();
  await vi.advanceTimersByTimeAsync(2 * tenMinutes);
  expect(cutoffs).toHaveLength(4);
});

test('a run takes as many steps as there is to forget, with pauses, and no second one beside it', async () => {
  let finish = (_forgotten: number) => {};
  const steps = new Map([
    [1, Promise.resolve(500)],
    [2, Promise.resolve(17)],
    [
      3,
      new Promise<number>((resolve) => {
        finish = resolve;
      }),
    ],
  ]);
  const { upkeep, cutoffs } = maintained((call) => steps.get(call) ?? Promise.resolve(0));
  await vi.advanceTimersByTimeAsync(1);
  expect(cutoffs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(cutoffs).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(3 * tenMinutes);
  expect(cutoffs).toHaveLength(3);
  finish(0);
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(cutoffs).toHaveLength(4);
  await upkeep.stop();
});

test('a run that fails is made up for by the next', async () => {
  const { upkeep, cutoffs } = maintained(async (call) => {
    if (call < 3) throw new Error('The store failed.');
    return 0;
  });
  await vi.advanceTimersByTimeAsync(2 * tenMinutes);
  expect(cutoffs).toHaveLength(3);
  await upkeep.stop();
});

test('a stop waits for the step in progress, and makes no further one', async () => {
  let finish = (_forgotten: number) => {};
  const { upkeep, cutoffs } = maintained(
    () =>
      new Promise<number>((resolve) => {
        finish = resolve;
      }),
  );
  let isStopped = false;
  const stopping = upkeep.stop().then(() => {
    isStopped = true;
  });
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(isStopped).toBe(false);
  finish(500);
  await vi.advanceTimersByTimeAsync(1_000);
  await stopping;
  expect(cutoffs).toHaveLength(1);
});
