/** A server runs for months, so maintenance must run at intervals and not only at the start. */
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { RegularMaintenance } from '../../src/app/maintenance.ts';
import { idempotencyRetention } from '../../src/leads/idempotency.ts';
import { minAuditAge } from '../../src/store/audit.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { startObservedServer } from '../harness/observed-server.ts';
import { temporaryDirectory } from '../harness/server.ts';

const log = await createLog('silent');
const tenMinutes = 10 * 60_000;

/** Returns a store whose steps the test ends, with timers and a clock that the test advances. */
function startMaintenance(step: (call: number) => Promise<number>, evidenceRetention?: number) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const cutoffs: { before: number; at: number }[] = [];
  const deleteIdempotencyRecords = (before: number) => {
    cutoffs.push({ before, at: Date.now() });
    return step(cutoffs.length);
  };
  const countCutoffs: number[] = [];
  const deleteRejections = async (before: number) => void countCutoffs.push(Date.now() - before);
  const shrink = async () => false;
  const deletePartnerUsage = async (before: number) => void countCutoffs.push(Date.now() - before);
  const deletePartnerEvents = async (before: number) => {
    countCutoffs.push(Date.now() - before);
    return 0;
  };
  const auditCutoffs: number[] = [];
  const deleteAuditEntries = async (before: number) => {
    auditCutoffs.push(Date.now() - before);
    return auditCutoffs.length === 1 ? 500 : 0;
  };
  const store = {
    deleteIdempotencyRecords,
    deleteRejections,
    deletePartnerUsage,
    deletePartnerEvents,
    deleteScreenings: async () => 0,
    deleteAuditEntries,
    shrink,
  };
  const maintenance = new RegularMaintenance(store, evidenceRetention, log);
  return { maintenance, cutoffs, countCutoffs, auditCutoffs };
}

test('runs at the start and every ten minutes, each time with a new cutoff', async () => {
  const { maintenance, cutoffs } = startMaintenance(async () => 0);
  expect(cutoffs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(tenMinutes - 1);
  expect(cutoffs).toHaveLength(1);
  for (const runs of [2, 3, 4]) {
    await vi.advanceTimersByTimeAsync(tenMinutes);
    expect(cutoffs).toHaveLength(runs);
  }
  expect(idempotencyRetention).toBe(24 * 3_600_000);
  for (const { before, at } of cutoffs) expect(at - before).toBe(idempotencyRetention);
  await maintenance.stop();
  await vi.advanceTimersByTimeAsync(2 * tenMinutes);
  expect(cutoffs).toHaveLength(4);
});

test('deletes events and counts of accepted leads after 30 days, and counts of rejected requests after 400', async () => {
  const { maintenance, countCutoffs } = startMaintenance(async () => 0);
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(countCutoffs).toEqual([30, 400, 30, 30, 400, 30].map((days) => days * 24 * 3_600_000));
  await maintenance.stop();
});

test.each([
  ['shorter than six years', 86_400_000, minAuditAge],
  ['longer than six years', 3_650 * 86_400_000, 3_650 * 86_400_000],
])('deletes audit entries after EVIDENCE_RETENTION, if it is %s', async (_, evidenceRetention, expected) => {
  const { maintenance, auditCutoffs } = startMaintenance(async () => 0, evidenceRetention);
  await vi.advanceTimersByTimeAsync(tenMinutes);
  // The first run goes on until nothing is left.
  expect(auditCutoffs).toEqual([expected, expected, expected]);
  await maintenance.stop();
});

test('a server deletes an audit entry that is older than EVIDENCE_RETENTION and six years, and no other', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file);
  onTestFinished(() => store.close());
  const [table] = tablesToCopy.filter(({ name }) => name === 'audit_entry');
  if (table === undefined) throw new Error('There is no table audit_entry.');
  const entry = (id: number, days: number) => {
    const actedAt = Date.now() - days * 86_400_000;
    return [id, actedAt, 'alice', 'server-1', 'type retire', 'type', 'motor', null, null];
  };
  await store.addRows(table, [entry(1, 3_700), entry(2, 3_600)]);
  await startObservedServer({ DATABASE_URL: `sqlite:${file}`, EVIDENCE_RETENTION: '3650d' });
  const ids = async () => (await Array.fromAsync(store.auditEntries({}, 9))).map(({ id }) => id);
  await expect.poll(ids).toEqual([2]);
});

test('keeps audit entries for ever if EVIDENCE_RETENTION is off', async () => {
  const { maintenance, auditCutoffs } = startMaintenance(async () => 0);
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(auditCutoffs).toEqual([]);
  await maintenance.stop();
});

test('runs until nothing is left, with pauses, and never twice at once', async () => {
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
  const { maintenance, cutoffs } = startMaintenance((call) => steps.get(call) ?? Promise.resolve(0));
  await vi.advanceTimersByTimeAsync(1);
  expect(cutoffs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(cutoffs).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(3 * tenMinutes);
  expect(cutoffs).toHaveLength(3);
  finish(0);
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(cutoffs).toHaveLength(4);
  await maintenance.stop();
});

test('carries on with the next run after a failure', async () => {
  const { maintenance, cutoffs } = startMaintenance(async (call) => {
    if (call < 3) throw new Error('The store failed.');
    return 0;
  });
  await vi.advanceTimersByTimeAsync(2 * tenMinutes);
  expect(cutoffs).toHaveLength(3);
  await maintenance.stop();
});

test('waits for the step in progress when it stops, and starts no other', async () => {
  let finish = (_forgotten: number) => {};
  const { maintenance, cutoffs } = startMaintenance(
    () =>
      new Promise<number>((resolve) => {
        finish = resolve;
      }),
  );
  let isStopped = false;
  const stopping = maintenance.stop().then(() => {
    isStopped = true;
  });
  await vi.advanceTimersByTimeAsync(tenMinutes);
  expect(isStopped).toBe(false);
  finish(500);
  await vi.advanceTimersByTimeAsync(1_000);
  await stopping;
  expect(cutoffs).toHaveLength(1);
});
