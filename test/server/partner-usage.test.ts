/** The counts of accepted leads are exchanged with the store at intervals, not for every request. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { PartnerUsageCounter } from '../../src/server/partner-usage.ts';
import type { AcceptedLeads } from '../../src/store/partner-usage.ts';
import { createLog } from '../../src/telemetry/log.ts';

const log = await createLog('silent');
const hour = 3_600_000;
const today = Date.UTC(2026, 10, 23);

/** A store in memory that several servers share. */
function sharedStore() {
  const rows: AcceptedLeads[] = [];
  return {
    rows,
    recordAccepted: vi.fn(async (counts: readonly AcceptedLeads[]) => {
      for (const each of counts) {
        const row = rows.find(({ partnerId, day }) => partnerId === each.partnerId && day === each.day);
        if (row === undefined) rows.push({ ...each });
        else row.accepted += each.accepted;
      }
    }),
    acceptedOn: vi.fn(async (day: number) =>
      rows.filter((row) => row.day === day).map((row) => ({ ...row })),
    ),
  };
}

function setClock(time: number): void {
  vi.useFakeTimers({ now: time });
  onTestFinished(() => void vi.useRealTimers());
}

/** Adds leads one after another. Returns the waits. */
function add(usage: PartnerUsageCounter, quota: number | null, count = 1): (number | undefined)[] {
  return Array.from({ length: count }, () => {
    const wait = usage.enter(1, quota);
    if (wait !== undefined) return wait;
    usage.count(1);
    usage.leave(1);
    return undefined;
  });
}

test('counts what other servers accepted within ten seconds', async () => {
  setClock(today + 23 * hour);
  const store = sharedStore();
  const [one, other] = [
    await PartnerUsageCounter.start(store, log),
    await PartnerUsageCounter.start(store, log),
  ];
  expect(add(one, 3, 2)).toEqual([undefined, undefined]);
  expect(add(other, 3, 1)).toEqual([undefined]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(store.rows).toEqual([{ partnerId: 1, day: today, accepted: 3 }]);
  expect([...add(one, 3), ...add(other, 3)]).toEqual([3_590, 3_590]);
  expect(store.recordAccepted).toHaveBeenCalledTimes(2);
  await Promise.all([one.stop(), other.stop()]);
});

test('begins a new day at midnight UTC, and records leads under the day of their acceptance', async () => {
  setClock(today + 24 * hour - 1_500);
  const store = sharedStore();
  const usage = await PartnerUsageCounter.start(store, log);
  expect(add(usage, 1, 2)).toEqual([undefined, 2]);
  await vi.advanceTimersByTimeAsync(1_500);
  expect(add(usage, 1, 2)).toEqual([undefined, 86_400]);
  await usage.stop();
  expect(store.rows).toEqual([
    { partnerId: 1, day: today, accepted: 1 },
    { partnerId: 1, day: today + 24 * hour, accepted: 1 },
  ]);
});

test('refuses a request for a moment if others in flight may use up the quota', async () => {
  setClock(today);
  const usage = await PartnerUsageCounter.start(sharedStore(), log);
  expect([usage.enter(1, 1), usage.enter(1, 1), usage.enter(2, 1)]).toEqual([undefined, 1, undefined]);
  usage.leave(1);
  expect(usage.enter(1, 1)).toBeUndefined();
  await usage.stop();
});

test('goes on counting while the store fails, and records each lead once', async () => {
  setClock(today);
  const warned = vi.spyOn(log, 'warn').mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  const store = sharedStore();
  const usage = await PartnerUsageCounter.start(store, log);
  const failure = new Error('the store is down');
  add(usage, null, 2);
  store.recordAccepted.mockImplementationOnce(async () => {
    add(usage, null);
    throw failure;
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(warned).toHaveBeenCalledWith(
    { err: failure },
    'The counts of accepted leads could not be exchanged with the store.',
  );
  expect(add(usage, 3)).toEqual([86_395]);
  store.acceptedOn.mockRejectedValueOnce(failure);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(store.rows).toEqual([{ partnerId: 1, day: today, accepted: 3 }]);
  expect(add(usage, 3)).toEqual([86_390]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(store.rows).toEqual([{ partnerId: 1, day: today, accepted: 3 }]);
  await usage.stop();
});
