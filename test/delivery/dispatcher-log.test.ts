/** Operators search the log by these messages and fields, and alerts depend on the levels. */
import { describe, expect, test, vi } from 'vitest';
import type { DeliveryResult } from '../../src/delivery/dialler.ts';
import {
  advanceClock,
  DeliveryStore,
  dispatchFrom,
  heldDialler,
  leadsOf,
  respondingDialler,
  startTime,
  stopClock,
} from './delivery-store.ts';

const diskFull = new Error('disk full');

/** Returns what is logged if the dialler responds to one lead with this result. */
async function linesAfter(result: DeliveryResult, lead: Parameters<typeof leadsOf>[1] = {}, schedule = [1]) {
  const store = new DeliveryStore();
  store.due = leadsOf(1, lead);
  const { lines } = await dispatchFrom(
    store,
    respondingDialler(() => result),
    { retrySchedule: schedule },
  );
  await advanceClock(2);
  return lines;
}

const fields = { lead: 'lead-1', type: 'motor', partner: 'acme', attempt: 1, response: 'as it is' };

describe('logs one line for each outcome, with the lead and the response', () => {
  const response = 'as it is';
  const failed = 'Delivery failed. Run `leads lead retry` to send the lead again.';
  const undecided =
    'Delivery failed, and the dialler may have the lead. Check the dialler, then run `leads lead resolve`.';

  test.each<[string, DeliveryResult, object]>([
    ['delivered', { outcome: 'delivered', response }, { level: 'info', msg: 'A lead was delivered.' }],
    [
      'incomplete',
      { outcome: 'delivered', response, incomplete: true },
      { level: 'warn', msg: 'A lead was delivered without some of its data.' },
    ],
    ['rejected', { outcome: 'rejected', response }, { level: 'error', msg: failed }],
    [
      'retried',
      { outcome: 'unavailable', response, retryAfter: 90_400 },
      {
        level: 'warn',
        outcome: 'unavailable',
        nextAttemptInSeconds: 90,
        msg: 'A delivery attempt failed; the lead will be retried.',
      },
    ],
  ])('%s', async (_what, result, expected) => {
    const [line, ...others] = await linesAfter(result);
    expect(line).toStrictEqual({ ...fields, ...expected, time: startTime });
    expect(others).toEqual([]);
  });

  test.each<[DeliveryResult['outcome'], boolean, string]>([
    ['unavailable', false, failed],
    ['unavailable', true, undecided],
    ['unknown', false, undecided],
    ['rejected', true, undecided],
  ])('without a further attempt: %s (may have arrived before: %s)', async (outcome, mayHaveArrived, msg) => {
    const lines = await linesAfter({ outcome, response }, { mayHaveArrived }, []);
    expect(lines).toStrictEqual([{ level: 'error', time: startTime, ...fields, msg }]);
  });
});

test.each(['delivered', 'rejected', 'unavailable', 'unknown'] as const)(
  'an attempt that is %s is counted with its dialler, outcome and duration',
  async (outcome) => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    const { onAttempt } = await dispatchFrom(store, dialler);
    await advanceClock(700);
    attempts[0]?.end({ outcome, response: 'as it is' });
    await advanceClock(0);
    expect(onAttempt.mock.calls).toEqual([[{ dialler: 'test', outcome, milliseconds: 700 }]]);
  },
);

test('the duration of an attempt does not depend on the clock', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  const { dialler, attempts } = heldDialler();
  const { onAttempt } = await dispatchFrom(store, dialler);
  vi.setSystemTime(startTime - 3_600_000);
  await advanceClock(700);
  attempts[0]?.end({ outcome: 'delivered', response: 'as it is' });
  await advanceClock(0);
  expect(onAttempt.mock.calls).toMatchObject([[{ milliseconds: 700 }]]);
});

test('leads past DIAL_WITHIN are counted and logged with their ids; undecided ones need an operator', async () => {
  const store = new DeliveryStore();
  const late = startTime - 1_001;
  store.due = leadsOf(3, { dueAt: late }).map((lead, index) => ({ ...lead, mayHaveArrived: index > 0 }));
  store.claimDue.mockImplementationOnce(async () => {
    store.claimed = store.due.splice(0);
    return store.claimed;
  });
  const { lines, onTooLate } = await dispatchFrom(store, heldDialler().dialler, { dialWithin: 1_000 });
  expect(onTooLate.mock.calls).toEqual([['dial-within', 3]]);
  expect(lines).toStrictEqual([
    {
      level: 'warn',
      time: startTime,
      leads: ['lead-1'],
      msg: 'Leads are past DIAL_WITHIN and will not be delivered.',
    },
    {
      level: 'error',
      time: startTime,
      leads: ['lead-2', 'lead-3'],
      msg: 'Leads are past DIAL_WITHIN, and the dialler may have them. Check the dialler, then run `leads lead resolve`.',
    },
  ]);
});

test('leads past their expires_at are counted and logged apart from those past DIAL_WITHIN', async () => {
  const store = new DeliveryStore();
  const changes = [
    { dueAt: startTime - 1_001 },
    { expiresAt: startTime },
    { expiresAt: startTime - 1, mayHaveArrived: true },
    { expiresAt: startTime + 1 },
  ];
  store.due = leadsOf(4).map((lead, index) => ({ ...lead, ...changes[index] }));
  const { lines, onTooLate } = await dispatchFrom(store, heldDialler().dialler, { dialWithin: 1_000 });
  const counted = Object.groupBy(onTooLate.mock.calls, ([cause]) => cause);
  const count = (cause: 'dial-within' | 'expires-at') =>
    counted[cause]?.reduce((sum, [, leads]) => sum + leads, 0);
  expect([count('dial-within'), count('expires-at')]).toEqual([1, 2]);
  expect(lines.map(({ leads, msg }) => [leads, msg]).toSorted()).toEqual([
    [['lead-1'], 'Leads are past DIAL_WITHIN and will not be delivered.'],
    [['lead-2'], 'Leads are past their expires_at and will not be delivered.'],
    [
      ['lead-3'],
      'Leads are past their expires_at, and the dialler may have them. Check the dialler, then run `leads lead resolve`.',
    ],
  ]);
});

test('reports no lead as too late if all claimed leads are in time', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  const { lines, onTooLate } = await dispatchFrom(store, heldDialler().dialler, { dialWithin: 1_000 });
  expect(onTooLate).not.toHaveBeenCalled();
  expect(lines).toEqual([]);
});

test('an error that a dialler throws is logged, and the outcome of the attempt is unknown', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  const deliver = () => Promise.reject(new TypeError('undefined is not a function'));
  const { lines } = await dispatchFrom(store, { name: 'test', deliver });
  await advanceClock(2);
  expect(lines[0]).toMatchObject({
    level: 'error',
    lead: 'lead-1',
    err: { type: 'TypeError', message: 'undefined is not a function' },
    msg: 'The dialler test threw an unexpected error.',
  });
  expect(store.recordAttempt.mock.calls[0]?.[1]).toMatchObject({
    outcome: 'unknown',
    response: 'unexpected error; see the log',
  });
});

test('a withdrawal that begins again after its lead was delivered late is logged and counted', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  store.recordAttempt.mockResolvedValueOnce(true);
  const dialler = respondingDialler(() => ({ outcome: 'delivered', response: 'as it is' }));
  const { lines, onWithdrawalReopened } = await dispatchFrom(store, dialler);
  await advanceClock(2);
  expect(lines.filter(({ level }) => level === 'error')).toStrictEqual([
    {
      level: 'error',
      time: startTime + 2,
      lead: 'lead-1',
      type: 'motor',
      partner: 'acme',
      response: 'as it is',
      msg: 'A lead was delivered, or may have been, after it had been cancelled: this server had stalled. Its withdrawal begins again.',
    },
  ]);
  expect(onWithdrawalReopened).toHaveBeenCalledOnce();
});

test('an error while a result is handled is logged, and delivery continues', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(2);
  const onAttempt = vi.fn().mockImplementationOnce(() => {
    throw diskFull;
  });
  const { lines } = await dispatchFrom(
    store,
    respondingDialler(() => ({ outcome: 'delivered', response: 'delivered' })),
    { observer: { onAttempt, onTooLate: () => {}, onWithdrawalReopened: () => {} } },
  );
  await advanceClock(2);
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
    { lead: 'lead-1', err: { message: 'disk full' }, msg: 'A delivery attempt was not recorded.' },
  ]);
  expect(store.recordAttempt.mock.calls.map(([, { leadId }]) => leadId)).toEqual(['lead-2']);
});

test('a store that fails while it records or claims is logged with the error, and used again after a second', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  store.recordAttempt.mockRejectedValueOnce(diskFull);
  store.claimDue.mockRejectedValueOnce(diskFull);
  const { lines } = await dispatchFrom(
    store,
    respondingDialler(() => ({ outcome: 'delivered', response: 'delivered' })),
  );
  const err = expect.objectContaining({ message: 'disk full' });
  expect(lines).toMatchObject([
    { level: 'error', err, msg: 'The store failed while claiming due leads; retrying.' },
  ]);
  await advanceClock(999);
  expect(store.claimDue).toHaveBeenCalledTimes(1);
  await advanceClock(1);
  await advanceClock(2);
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    err,
    lead: 'lead-1',
    msg: 'The store failed while recording a delivery attempt; retrying.',
  });
  await advanceClock(999);
  expect(store.recordAttempt).toHaveBeenCalledTimes(1);
  await advanceClock(1);
  expect(store.recordAttempt).toHaveBeenCalledTimes(2);
});

test('a pause that cannot be saved before the server stops is logged with the error', async () => {
  const store = new DeliveryStore();
  store.due = leadsOf(1);
  store.pauseDelivery.mockRejectedValue(diskFull);
  const { dispatcher, lines } = await dispatchFrom(
    store,
    respondingDialler(() => ({ outcome: 'unavailable', response: 'gone', pause: { reason: 'HTTP 410' } })),
  );
  await advanceClock(2);
  await dispatcher.stop();
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    err: { message: 'disk full' },
    msg: 'A delivery pause was not saved.',
  });
});

test.each([
  [1_999, []],
  [
    2_000,
    [
      {
        level: 'warn',
        time: startTime - 2_000,
        msg: 'The clock was set back by 2 s. Due leads are delivered that much later.',
      },
    ],
  ],
  [-3_600_000, []],
])('logs a clock that is set back by two seconds or more: %i ms', async (step, expected) => {
  const store = new DeliveryStore();
  const { lines } = await dispatchFrom(store, heldDialler().dialler);
  vi.setSystemTime(startTime - step);
  store.change();
  await advanceClock(0);
  store.change();
  await advanceClock(0);
  expect(lines).toStrictEqual(expected);
});

test('notices with the next query that the clock was set back, and does not mistake passing time for it', async () => {
  stopClock();
  await advanceClock(10_000);
  const store = new DeliveryStore();
  const { lines } = await dispatchFrom(store, heldDialler().dialler);
  await advanceClock(10_000);
  expect(lines).toEqual([]);
  vi.setSystemTime(Date.now() - 2_000);
  await advanceClock(500);
  expect(lines.map(({ msg }) => msg)).toEqual([
    'The clock was set back by 2 s. Due leads are delivered that much later.',
  ]);
});
