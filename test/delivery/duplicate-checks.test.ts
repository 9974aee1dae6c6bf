/** Operators learn of a duplicate that appears after a lead was delivered, also after a restart. */
import { expect, onTestFinished, test, vi } from 'vitest';
import type { FindResult } from '../../src/delivery/dialler.ts';
import { DuplicateChecker } from '../../src/delivery/duplicate-checks.ts';
import { PauseTracker } from '../../src/delivery/pause-tracker.ts';
import type { DeliveredLead } from '../../src/store/duplicate-checks.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { claimedLead } from './claimed-lead.ts';
import { advanceClock, DeliveryStore, startTime, stopClock } from './delivery-store.ts';

const maxRuntime = 600_000;

const noEvents = { onResume: () => {}, onDiallerResume: () => {} };

/** Starts a checker for a dialler that responds to each look-up in turn. */
function startChecker(...results: FindResult[]) {
  stopClock();
  const store = new DeliveryStore();
  const find = vi.fn(async (): Promise<FindResult> => results.shift() ?? { ids: ['1'] });
  const { log, lines } = recordingLog();
  const pauses = new PauseTracker(store, log, noEvents);
  const dialler: { maxConcurrency?: number } = {};
  const checker = new DuplicateChecker({
    store,
    dialler: Object.assign(dialler, { find, maxRuntime }),
    pauses,
    log,
    timeout: 1_000,
  });
  onTestFinished(() => checker.stop());
  return { store, find, lines, checker, dialler };
}

function delivered(id: string, dialledAt: number): DeliveredLead {
  return { ...claimedLead({}, { id }), dialledAt };
}

const minute = 60_000;

test('looks for the leads that were delivered until maxRuntime ago, since the last check', async () => {
  const { store } = startChecker();
  store.duplicatesCheckedUntil.mockResolvedValue(startTime - maxRuntime - 5_000);
  await advanceClock(minute);
  expect(store.deliveredAfterUnknown.mock.calls).toEqual([
    [{ after: startTime - maxRuntime - 5_000, until: startTime + minute - maxRuntime }],
  ]);
});

test('records and logs what it finds, and that it has checked', async () => {
  const { store, lines } = startChecker({ ids: ['1', '2'] }, { ids: ['3'] });
  store.deliveredAfterUnknown.mockResolvedValueOnce([delivered('one', 1), delivered('two', 2)]);
  await advanceClock(minute);
  const response = 'the dialler has the lead 2 times: 1, 2';
  expect(store.recordAttempt.mock.calls.map(([, attempt]) => attempt)).toMatchObject([
    { leadId: 'one', outcome: 'delivered', response },
  ]);
  expect(lines).toMatchObject([{ level: 'error', lead: 'one', response }]);
  expect(store.recordDuplicatesChecked.mock.calls).toEqual([[startTime + minute - maxRuntime]]);
});

test('checks a lead again, and those after it, if the look-up fails', async () => {
  const failure = { outcome: 'unavailable', response: 'HTTP 500' } as const;
  const { store, find, lines } = startChecker({ ids: ['1'] }, { failure });
  store.deliveredAfterUnknown.mockResolvedValueOnce([
    delivered('one', 10),
    delivered('two', 20),
    delivered('three', 30),
  ]);
  await advanceClock(minute);
  expect(find).toHaveBeenCalledTimes(2);
  expect(store.recordDuplicatesChecked.mock.calls).toEqual([[19]]);
  expect(lines).toMatchObject([
    {
      level: 'error',
      lead: 'two',
      response: 'HTTP 500',
      msg: 'Whether the dialler has a lead more than once was not checked; retrying.',
    },
  ]);
});

test('leaves out leads that could not be checked for a week', async () => {
  const { store } = startChecker();
  store.duplicatesCheckedUntil.mockResolvedValue(1);
  await advanceClock(minute);
  const [[period] = []] = store.deliveredAfterUnknown.mock.calls;
  expect(period?.after).toBe(startTime + minute - maxRuntime - 7 * 86_400_000);
});

test('looks nothing up while the delivery of all types is paused', async () => {
  const { store, find } = startChecker();
  store.inForce = [{ type: undefined, by: 'dialler', reason: 'Login incorrect', since: 1 }];
  store.deliveredAfterUnknown.mockResolvedValue([delivered('one', 1)]);
  await advanceClock(minute);
  expect([find.mock.calls, store.recordDuplicatesChecked.mock.calls]).toEqual([[], []]);
  store.inForce = [];
  await advanceClock(minute);
  expect(find).toHaveBeenCalledOnce();
});

test('retries after the store has failed', async () => {
  const { store, lines } = startChecker();
  store.duplicatesCheckedUntil.mockRejectedValueOnce(new Error('the store is gone'));
  await advanceClock(minute);
  expect(lines).toMatchObject([
    { level: 'error', msg: 'Whether the dialler has leads more than once was not checked; retrying.' },
  ]);
  await advanceClock(minute);
  expect(store.deliveredAfterUnknown).toHaveBeenCalledOnce();
});

test('records nothing as checked that a stop has interrupted', async () => {
  const { store, find, checker } = startChecker();
  store.deliveredAfterUnknown.mockResolvedValueOnce([delivered('one', 10), delivered('two', 20)]);
  find.mockImplementationOnce(async () => {
    void checker.stop();
    return { ids: [] };
  });
  await advanceClock(minute);
  expect(find).toHaveBeenCalledOnce();
  expect(store.recordDuplicatesChecked.mock.calls).toEqual([[9]]);
  await checker.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('a login that fails during a check pauses delivery', async () => {
  const pause = { reason: 'Login incorrect' };
  const { store } = startChecker({
    failure: { outcome: 'unavailable', response: 'Login incorrect', pause },
  });
  store.deliveredAfterUnknown.mockResolvedValueOnce([delivered('one', 1)]);
  await advanceClock(minute);
  expect(store.pauseDelivery.mock.calls).toMatchObject([[{ type: undefined, by: 'dialler', ...pause }]]);
});

test('checks nothing while this server may send nothing to the dialler', async () => {
  const { store, find, dialler } = startChecker();
  dialler.maxConcurrency = 0;
  store.deliveredAfterUnknown.mockResolvedValue([delivered('one', 1)]);
  await advanceClock(minute);
  expect([find.mock.calls, store.recordDuplicatesChecked.mock.calls]).toEqual([[], []]);
});

test('does nothing for a dialler that recognises repeats', async () => {
  stopClock();
  const store = new DeliveryStore();
  const { log } = recordingLog();
  const pauses = new PauseTracker(store, log, noEvents);
  const checker = new DuplicateChecker({ store, dialler: {}, pauses, log, timeout: 1_000 });
  await advanceClock(minute);
  await checker.stop();
  expect(store.duplicatesCheckedUntil).not.toHaveBeenCalled();
});
