/** Operators learn why nothing is delivered, and a pause that a dialler caused reaches every server. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { PauseTracker } from '../../src/delivery/pause-tracker.ts';
import type { DeliveryPause, DeliveryPauses } from '../../src/store/delivery-pauses.ts';
import { recordingLog } from '../harness/recording-log.ts';

const all: DeliveryPause = { type: undefined, by: 'operator', reason: 'Maintenance.', since: 1_000 };
const motor: DeliveryPause = { type: 'motor', by: 'operator', reason: 'v2.5 list is full.', since: 2_000 };
const home: DeliveryPause = { type: 'home', by: 'operator', reason: 'training', since: 3_000 };

const motorPaused = 'Delivery of lead type "motor" is paused by the operator: v2.5 list is full.';
const homePaused = 'Delivery of lead type "home" is paused by the operator: training.';

/** Creates a tracker of a store whose pauses the test sets. Time passes only through `vi.advanceTimersByTime`. */
function startTracker() {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const state: { pauses: DeliveryPause[] } = { pauses: [] };
  const store = {
    pauses: vi.fn<DeliveryPauses['pauses']>(async () => state.pauses),
    pauseDelivery: vi.fn<DeliveryPauses['pauseDelivery']>(async (pause) => {
      state.pauses = [{ ...pause, since: 4_000 }];
    }),
    endDiallerPause: vi.fn<DeliveryPauses['endDiallerPause']>(async () => {}),
    resumeDelivery: vi.fn<DeliveryPauses['resumeDelivery']>(),
  };
  const onResume = vi.fn<() => void>();
  const { log, lines } = recordingLog();
  const onDiallerResume = vi.fn<() => void>();
  const tracker = new PauseTracker(store, log, { onResume, onDiallerResume });
  /** Refreshes a quarter of a second later, and returns what was logged. */
  const refresh = async () => {
    vi.advanceTimersByTime(250);
    const logged = lines.length;
    await tracker.refresh();
    return lines.slice(logged).map(({ level, msg, by, type }) => ({ level, msg, by, type }));
  };
  return { state, store, onResume, onDiallerResume, tracker, refresh };
}

test('reports nothing without a pause', async () => {
  const { tracker, refresh, onResume } = startTracker();
  expect(await refresh()).toEqual([]);
  expect([tracker.reasonAllPaused, tracker.description]).toEqual([undefined, undefined]);
  expect(onResume).not.toHaveBeenCalled();
});

test('describes all paused types; only a pause of all types stops delivery', async () => {
  const { state, tracker, refresh } = startTracker();
  state.pauses = [home, motor];
  await refresh();
  expect([tracker.reasonAllPaused, tracker.description]).toEqual([undefined, `${homePaused} ${motorPaused}`]);
  state.pauses = [all, home];
  await refresh();
  const reason = 'Delivery of all lead types is paused by the operator: Maintenance.';
  expect([tracker.reasonAllPaused, tracker.description]).toEqual([reason, reason]);
});

test('reads the pauses four times a second at most', async () => {
  const { store, tracker } = startTracker();
  await tracker.refresh();
  vi.advanceTimersByTime(249);
  await tracker.refresh();
  expect(store.pauses).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  await tracker.refresh();
  expect(store.pauses).toHaveBeenCalledTimes(2);
});

test('logs the start and the end of each pause once, with its author and its type', async () => {
  const { state, refresh } = startTracker();
  state.pauses = [all, motor];
  expect(await refresh()).toEqual([
    {
      level: 'warn',
      msg: 'Delivery of all lead types is paused by the operator: Maintenance. Run `leads delivery resume` to resume.',
      by: 'operator',
      type: undefined,
    },
    {
      level: 'warn',
      msg: `${motorPaused} Run \`leads delivery resume --type "motor"\` to resume.`,
      by: 'operator',
      type: 'motor',
    },
  ]);
  state.pauses = [{ ...all }, { ...motor }];
  expect(await refresh()).toEqual([]);
  state.pauses = [];
  expect(await refresh()).toEqual([
    {
      level: 'info',
      msg: 'Delivery of all lead types is no longer paused by the operator.',
      by: 'operator',
      type: undefined,
    },
    {
      level: 'info',
      msg: 'Delivery of lead type "motor" is no longer paused by the operator.',
      by: 'operator',
      type: 'motor',
    },
  ]);
});

test('the pause of a restore is logged with the review that comes before its end', async () => {
  const { state, refresh } = startTracker();
  state.pauses = [{ ...all, reason: 'Restored from copy.db at 2026-11-27T10:42:08Z. Review the leads.' }];
  expect((await refresh()).map(({ msg }) => msg)).toEqual([
    'Delivery of all lead types is paused by the operator: Restored from copy.db at 2026-11-27T10:42:08Z. Review the leads. Then run `leads delivery resume`.',
  ]);
});

test('a pause with another reason is logged again', async () => {
  const { state, refresh } = startTracker();
  state.pauses = [motor];
  await refresh();
  state.pauses = [{ ...motor, reason: 'The list is full again.' }];
  expect((await refresh()).map(({ level, msg }) => [level, msg])).toEqual([
    ['warn', expect.stringContaining('The list is full again.')],
  ]);
});

test.each<[string, DeliveryPause]>([
  ['another time', { ...motor, since: motor.since + 1 }],
  ['another author', { ...motor, by: 'dialler' }],
  ['another type', { ...motor, type: 'home' }],
])('a pause with %s is a new one', async (_what, changed) => {
  const { state, refresh } = startTracker();
  state.pauses = [motor];
  await refresh();
  state.pauses = [changed];
  const logged = await refresh();
  expect(logged.map(({ level }) => level)).toEqual([changed.by === 'dialler' ? 'fatal' : 'warn', 'info']);
});

test('one of several pauses ends without affecting the others', async () => {
  const { state, refresh, onResume } = startTracker();
  state.pauses = [home, motor];
  await refresh();
  state.pauses = [motor];
  expect((await refresh()).map(({ level, type }) => [level, type])).toEqual([['info', 'home']]);
  expect(onResume).not.toHaveBeenCalled();
});

test('reports a pause that the dialler caused immediately, and stores it with the next refresh', async () => {
  const { store, tracker } = startTracker();
  await tracker.refresh();
  tracker.pause({ type: undefined, reason: 'Login incorrect' });
  tracker.pause({ type: undefined, reason: 'Too many login attempts' });
  const reason = 'Delivery of all lead types is paused by the dialler: Login incorrect.';
  expect([tracker.reasonAllPaused, tracker.description]).toEqual([reason, reason]);
  expect(store.pauseDelivery).not.toHaveBeenCalled();
  await tracker.refresh();
  expect(store.pauseDelivery.mock.calls).toEqual([
    [{ type: undefined, by: 'dialler', reason: 'Login incorrect' }],
  ]);
  expect(tracker.reasonAllPaused).toBe(reason);
});

test('logs a pause that the dialler caused as fatal, with the command that resumes', async () => {
  const { tracker, refresh } = startTracker();
  tracker.pause({ type: undefined, reason: 'Login incorrect' });
  expect(await refresh()).toEqual([
    {
      level: 'fatal',
      msg: 'Delivery of all lead types is paused by the dialler: Login incorrect. Fix the cause, then run `leads delivery resume`.',
      by: 'dialler',
      type: undefined,
    },
  ]);
});

test('stores a pause once, and does not pause again after an operator has resumed', async () => {
  const { state, store, tracker, refresh, onResume } = startTracker();
  tracker.pause({ type: undefined, reason: 'Login incorrect' });
  await refresh();
  await refresh();
  expect(store.pauseDelivery).toHaveBeenCalledTimes(1);
  expect(onResume).not.toHaveBeenCalled();
  state.pauses = [];
  await refresh();
  expect(tracker.reasonAllPaused).toBeUndefined();
  expect(onResume).toHaveBeenCalledTimes(1);
  await refresh();
  expect([onResume.mock.calls.length, store.pauseDelivery.mock.calls.length]).toEqual([1, 1]);
});

test('does not report the end of a pause while another one of all types is in force', async () => {
  const { state, refresh, onResume } = startTracker();
  state.pauses = [all];
  await refresh();
  state.pauses = [{ ...all, by: 'dialler' }];
  await refresh();
  expect(onResume).not.toHaveBeenCalled();
});

test('a pause that is caused while the pauses are read is not lost', async () => {
  const { store, tracker, refresh } = startTracker();
  store.pauses.mockImplementationOnce(async () => {
    tracker.pause({ type: undefined, reason: 'Login incorrect' });
    return [];
  });
  await refresh();
  expect(tracker.reasonAllPaused).toContain('Login incorrect');
  await refresh();
  expect(store.pauseDelivery).toHaveBeenCalledTimes(1);
});

test('a pause that the store failed to save stays in force and is saved later', async () => {
  const { store, tracker, refresh, onResume } = startTracker();
  tracker.pause({ type: undefined, reason: 'Login incorrect' });
  store.pauseDelivery.mockRejectedValueOnce(new Error('disk full'));
  await expect(refresh()).rejects.toThrow('disk full');
  expect(tracker.reasonAllPaused).toContain('Login incorrect');
  await refresh();
  expect(store.pauseDelivery).toHaveBeenCalledTimes(2);
  expect(onResume).not.toHaveBeenCalled();
});

test.each([
  ['ends with a full stop.', 'ends with a full stop.'],
  ['HTTP/1.1 and no full stop', 'HTTP/1.1 and no full stop.'],
])('describes the reason %j in a sentence', (reason, sentence) => {
  const { tracker } = startTracker();
  tracker.pause({ type: undefined, reason: reason });
  expect(tracker.description).toBe(`Delivery of all lead types is paused by the dialler: ${sentence}`);
});

test('reports the end of a pause by the dialler, even while an operator pauses delivery', async () => {
  const { state, tracker, refresh, onResume, onDiallerResume } = startTracker();
  tracker.pause({ type: undefined, reason: 'Login incorrect' });
  await refresh();
  state.pauses = [...state.pauses, all];
  await refresh();
  expect(onDiallerResume).not.toHaveBeenCalled();
  state.pauses = [all];
  await refresh();
  await refresh();
  expect([onDiallerResume, onResume].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
});
