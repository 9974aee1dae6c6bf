/** Operators learn of a duplicate that appears after a lead was delivered. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { DuplicateRechecks } from '../../src/delivery/duplicate-rechecks.ts';
import type { Delivery } from '../../src/store/store.ts';
import { recordingLog } from '../harness/recording-log.ts';

function startRechecks() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const recordAttempt = vi.fn<Delivery['recordAttempt']>(async () => {});
  const { log, lines } = recordingLog();
  const rechecks = new DuplicateRechecks({ recordAttempt }, log, 1_000);
  return { rechecks, recordAttempt, lines };
}

test('checks once, after the delay, and records and logs what it finds', async () => {
  const { rechecks, recordAttempt, lines } = startRechecks();
  const check = vi.fn(async () => 'leads 1, 2');
  rechecks.schedule('lead', 600_000, check);
  await vi.advanceTimersByTimeAsync(599_999);
  expect(check).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(600_001);
  expect(check).toHaveBeenCalledOnce();
  expect(recordAttempt.mock.calls.map(([, attempt]) => attempt)).toMatchObject([
    { leadId: 'lead', outcome: 'delivered', response: 'leads 1, 2' },
  ]);
  expect(lines).toMatchObject([{ level: 'error', lead: 'lead', response: 'leads 1, 2' }]);
});

test('reports nothing if there are no duplicates', async () => {
  const { rechecks, recordAttempt, lines } = startRechecks();
  rechecks.schedule('lead', 10, async () => undefined);
  await vi.advanceTimersByTimeAsync(20);
  expect([recordAttempt.mock.calls, lines]).toEqual([[], []]);
});

test('logs a check that fails', async () => {
  const { rechecks, lines } = startRechecks();
  rechecks.schedule('lead', 10, async () => {
    throw new Error('HTTP 500');
  });
  await vi.advanceTimersByTimeAsync(20);
  expect(lines).toMatchObject([
    { level: 'error', lead: 'lead', msg: 'Whether the dialler has a lead more than once was not checked.' },
  ]);
});

test('drops the checks that have not begun when it stops', async () => {
  const { rechecks } = startRechecks();
  const check = vi.fn(async () => undefined);
  rechecks.schedule('lead', 10, check);
  rechecks.stop();
  await vi.advanceTimersByTimeAsync(20);
  expect(check).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
