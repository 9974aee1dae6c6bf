/** When the dispatcher claims leads, sleeps, ends attempts and stops, on a clock that the test moves. */
import { describe, expect, test, vi } from 'vitest';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import {
  advanceClock,
  DeliveryStore,
  dispatchFrom,
  heldDialler,
  leadsOf,
  respondingDialler,
  runDue,
  startTime,
  succeedOnce,
} from './delivery-store.ts';

const delivered = { outcome: 'delivered', response: 'delivered' } as const;

describe('claims', () => {
  test('a lead that is due at this moment is claimed, and one that is due a millisecond later is not', async () => {
    const store = new DeliveryStore();
    store.next = startTime + 1;
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    expect(store.claimDue).not.toHaveBeenCalled();
    store.due = leadsOf(1);
    await advanceClock(1);
    expect(attempts).toHaveLength(1);
  });

  test('the next leads are claimed immediately after a claim, until as many are in flight as allowed', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.claimDue.mockImplementation(async () => store.due.splice(0, 1));
    store.due = leadsOf(9);
    store.change();
    await runDue();
    expect(attempts).toHaveLength(4);
    expect(store.claimDue.mock.calls.map(([{ limit }]) => limit)).toEqual([4, 3, 2, 1]);
    attempts[0]?.end(delivered);
    await advanceClock(2);
    expect(attempts).toHaveLength(5);
  });

  test('up to 100 leads are claimed at once, so that the last one is sent long before its lease ends', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler, { concurrency: 250 });
    await succeedOnce(store, attempts);
    store.due = leadsOf(251);
    store.change();
    await vi.waitFor(async () => {
      await runDue();
      expect(attempts).toHaveLength(250);
    });
    expect(store.claimDue.mock.calls.map(([{ limit }]) => limit)).toEqual([100, 100, 50]);
  });

  test('nothing is claimed while as many leads are in flight as allowed; the store is queried after 500 ms', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    store.due = leadsOf(2);
    await dispatchFrom(store, dialler);
    expect([attempts.length, store.claimDue.mock.calls.length]).toEqual([1, 1]);
    store.pauses.mockClear();
    await advanceClock(499);
    expect(store.pauses).not.toHaveBeenCalled();
    await advanceClock(1);
    expect([store.pauses.mock.calls.length, store.claimDue.mock.calls.length]).toEqual([1, 1]);
  });

  test('a dispatcher that claims nothing although a lead seems due sleeps for 500 ms', async () => {
    const store = new DeliveryStore();
    store.next = startTime;
    await dispatchFrom(store, heldDialler().dialler);
    expect(store.claimDue).toHaveBeenCalledTimes(1);
    await advanceClock(499);
    expect(store.claimDue).toHaveBeenCalledTimes(1);
    await advanceClock(1);
    expect(store.claimDue).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['only too late', 0, 3],
    ['as many sent as too late', 1, 1],
  ])('the next claim follows immediately after leads that were %s', async (_what, sent, late) => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler, { dialWithin: 60_000 });
    await succeedOnce(store, attempts);
    const ofLater = leadsOf(1, { id: 'later' });
    store.due = [...leadsOf(sent), ...leadsOf(late, { dueAt: startTime - 60_001 })];
    store.claimDue.mockImplementationOnce(async () => {
      store.claimed = store.due;
      store.due = ofLater;
      return store.claimed;
    });
    store.change();
    await runDue();
    expect(attempts).toHaveLength(sent + 1);
  });

  test('a lease of which too little is left because the store responded late is renewed before leads are sent', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.claimDue.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(2_001);
      return store.due.splice(0);
    });
    // As late again, then in time. Another process has claimed the second lead meanwhile.
    store.renewLease.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(4_002);
      return ['lead-1', 'lead-3'];
    });
    store.due = leadsOf(3);
    store.change();
    await runDue();
    const [{ claim } = { claim: '' }] = store.claimDue.mock.calls[0] ?? [];
    expect(store.renewLease.mock.calls).toEqual([
      [claim, ['lead-1', 'lead-2', 'lead-3'], 25_000],
      [claim, ['lead-1', 'lead-3'], 25_000],
    ]);
    expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-1', 'lead-3']);
  });

  test('a lease of which enough is left is not renewed', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.claimDue.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(2_000);
      return store.due.splice(0);
    });
    store.due = leadsOf(1);
    store.change();
    await runDue();
    expect([attempts.length, store.renewLease.mock.calls.length]).toEqual([1, 0]);
  });

  test('the lease of leads that have not been sent is renewed if the process was suspended meanwhile', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    const { deliver } = dialler;
    vi.spyOn(dialler, 'deliver').mockImplementationOnce((lead, signal, context) => {
      vi.advanceTimersByTime(10_000);
      return deliver(lead, signal, context);
    });
    store.due = leadsOf(2);
    store.change();
    await runDue();
    expect(store.renewLease.mock.calls.map(([, ids, lease]) => [ids, lease])).toEqual([[['lead-2'], 25_000]]);
    expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-1', 'lead-2']);
  });

  test('leads whose lease the store fails to renew are sent once it is renewed', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    const { lines } = await dispatchFrom(store, dialler);
    store.claimDue.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(6_000);
      return store.due.splice(0);
    });
    store.renewLease.mockImplementationOnce(async () => {
      store.change();
      throw new Error('failover');
    });
    store.due = leadsOf(1);
    store.change();
    await advanceClock(999);
    expect([attempts.length, store.renewLease.mock.calls.length]).toEqual([0, 1]);
    await advanceClock(1);
    expect(attempts).toHaveLength(1);
    expect(lines).toMatchObject([
      { level: 'error', msg: 'The store failed while claiming due leads; retrying.' },
    ]);
  });

  test('leads are released if the store fails while the rules of delivery are applied', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    store.suppressedNumbers.mockRejectedValueOnce(new Error('disk full'));
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    expect(attempts).toEqual([]);
    expect(store.releaseLeads.mock.calls[0]?.slice(1)).toEqual([['lead-1'], startTime, undefined]);
  });

  test('the first claim is of one lead, and the permission decides which leads are too late', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    await dispatchFrom(store, heldDialler().dialler, { dialWithin: 60_000 });
    expect(store.claimDue.mock.calls[0]?.[0]).toMatchObject({ limit: 1, lease: 25_000 });
  });

  test.each([
    [2, 2],
    [8, 4],
  ])('a dialler that allows %i leads in flight gets %i of 4', async (maxConcurrency, inFlight) => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, { ...dialler, maxConcurrency }, { concurrency: 4 });
    await succeedOnce(store, attempts);
    store.due = leadsOf(9);
    store.change();
    await runDue();
    expect(attempts).toHaveLength(inFlight);
  });

  test('nothing is claimed while all types are paused; afterwards one lead is sent first', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.inForce = [{ type: undefined, by: 'operator', reason: 'maintenance', since: startTime }];
    await advanceClock(500);
    store.due = leadsOf(9);
    store.pauses.mockClear();
    await advanceClock(500);
    expect([store.claimDue.mock.calls.length, store.pauses.mock.calls.length]).toEqual([0, 1]);
    store.inForce = [];
    await advanceClock(500);
    expect(attempts).toHaveLength(1);
  });

  test('a dialler that was down gets the next lead as soon as the delay has passed', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(3);
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler, { circuitBreakerDelays: { initial: 100, max: 100 } });
    attempts[0]?.end({ outcome: 'unavailable', response: 'down' });
    await advanceClock(99);
    expect(attempts).toHaveLength(1);
    await advanceClock(1);
    expect(attempts).toHaveLength(2);
  });

  test('a lead is not sent again while its attempt is in flight, even if the clock is set forward by hours', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.due = leadsOf(1);
    store.change();
    await runDue();
    vi.setSystemTime(Date.now() + 3_600_000);
    // Its lease seems to have ended.
    store.due = leadsOf(1);
    await advanceClock(1_500);
    expect(attempts).toHaveLength(1);
    store.due = leadsOf(1, { id: 'next' });
    attempts[0]?.end(delivered);
    await advanceClock(2);
    expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-1', 'next']);
  });

  test('a rejected lead proves that the dialler works, so further leads are sent concurrently', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    store.due = leadsOf(5);
    await dispatchFrom(store, dialler);
    attempts[0]?.end({ outcome: 'rejected', response: 'invalid' });
    await advanceClock(2);
    expect(attempts).toHaveLength(5);
  });
});

describe('sleep', () => {
  test('ends when the store changes', async () => {
    const store = new DeliveryStore();
    await dispatchFrom(store, heldDialler().dialler);
    store.nextAttemptAt.mockClear();
    store.change();
    await runDue();
    expect(store.nextAttemptAt).toHaveBeenCalledTimes(1);
  });

  test('does not begin if the store changes while it is queried', async () => {
    const store = new DeliveryStore();
    store.nextAttemptAt.mockImplementationOnce(async () => {
      store.change();
      return undefined;
    });
    await dispatchFrom(store, heldDialler().dialler);
    expect(store.nextAttemptAt).toHaveBeenCalledTimes(2);
  });

  test('lasts at most 500 ms while the dialler is down for longer, so that pauses are noticed', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const respond = () => ({ outcome: 'unavailable', response: 'busy', retryAfter: 90_000 }) as const;
    await dispatchFrom(store, respondingDialler(respond));
    await advanceClock(2);
    store.pauses.mockClear();
    await advanceClock(1_000);
    expect(store.pauses).toHaveBeenCalledTimes(2);
  });

  test('does not make the dispatcher read the pauses more often when attempts end', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    expect(store.pauses).toHaveBeenCalledTimes(1);
  });

  test('does not delay storing a pause that the dialler requires', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    attempts[0]?.end({ outcome: 'unavailable', response: 'gone', pause: { reason: 'HTTP 410' } });
    await runDue();
    expect(store.pauseDelivery.mock.calls).toEqual([
      [{ type: undefined, by: 'dialler', reason: 'HTTP 410' }],
    ]);
    expect(dispatcher.status()).toStrictEqual({
      dialler: 'test',
      state: 'paused',
      reason: 'Delivery of all lead types is paused by the dialler: HTTP 410.',
    });
  });
});

describe('status', () => {
  test('a running dispatcher has no reason', async () => {
    const { dispatcher } = await dispatchFrom(new DeliveryStore(), heldDialler().dialler);
    expect(dispatcher.status()).toStrictEqual({ dialler: 'test', state: 'running' });
  });

  test('a dispatcher that delivers some types reports which ones are paused', async () => {
    const store = new DeliveryStore();
    store.inForce = [{ type: 'motor', by: 'operator', reason: 'The list is full.', since: startTime }];
    const { dispatcher } = await dispatchFrom(store, heldDialler().dialler);
    expect(dispatcher.status()).toStrictEqual({
      dialler: 'test',
      state: 'running',
      reason: 'Delivery of lead type "motor" is paused by the operator: The list is full.',
    });
  });

  test('a dispatcher that waits for its dialler reports the delay in seconds, rounded up', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dispatcher } = await dispatchFrom(
      store,
      respondingDialler(() => ({ outcome: 'unavailable', response: 'busy', retryAfter: 90_000 })),
    );
    const waiting = (seconds: number) => ({
      dialler: 'test',
      state: 'waiting',
      reason: `The dialler is unavailable; next attempt in ${seconds} s. Last response: busy.`,
    });
    expect(dispatcher.status()).toStrictEqual(waiting(90));
    await advanceClock(88_001);
    expect(dispatcher.status()).toStrictEqual(waiting(2));
    await advanceClock(1_998);
    expect(dispatcher.status()).toStrictEqual(waiting(1));
  });

  test('a dispatcher waits for its dialler until an attempt succeeds', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    expect(dispatcher.status().state).toBe('running');
    attempts[0]?.end({ outcome: 'unavailable', response: 'down' });
    await advanceClock(60_000);
    expect(dispatcher.status()).toStrictEqual({
      dialler: 'test',
      state: 'waiting',
      reason: 'The last attempt failed; one lead is sent at a time. Last response: down.',
    });
    store.due = leadsOf(1);
    await advanceClock(1_000);
    expect(dispatcher.status().state).toBe('waiting');
    attempts[1]?.end({ outcome: 'delivered', response: 'delivered' });
    await runDue();
    expect(dispatcher.status()).toStrictEqual({ dialler: 'test', state: 'running' });
  });

  test('a dispatcher waits for its store while claims fail', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    store.claimDue.mockRejectedValueOnce(new Error('disk full'));
    const { dispatcher } = await dispatchFrom(store, heldDialler().dialler);
    expect(dispatcher.status()).toStrictEqual({
      dialler: 'test',
      state: 'waiting',
      reason: 'The store failed while claiming due leads. See the log.',
    });
    await advanceClock(1_000);
    expect(dispatcher.status()).toStrictEqual({ dialler: 'test', state: 'running' });
  });

  test('a dispatcher waits for its store once that has not responded for 30 s', async () => {
    const store = new DeliveryStore();
    const { dispatcher } = await dispatchFrom(store, heldDialler().dialler);
    const held = Promise.withResolvers<number | undefined>();
    store.nextAttemptAt.mockReturnValueOnce(held.promise);
    store.change();
    await runDue();
    await advanceClock(29_000);
    expect(dispatcher.status().state).toBe('running');
    await advanceClock(2_000);
    expect(dispatcher.status()).toMatchObject({
      state: 'waiting',
      reason: expect.stringMatching(/^The store has not responded for 3[01] s\.$/),
    });
    held.resolve(undefined);
    await advanceClock(500);
    expect(dispatcher.status()).toStrictEqual({ dialler: 'test', state: 'running' });
  });
});

describe('attempts', () => {
  test('end at the timeout', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler, { timeout: 3_000 });
    await advanceClock(2_999);
    expect(attempts[0]?.signal.aborted).toBe(false);
    await advanceClock(1);
    expect(attempts[0]?.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('are recorded together if they end within two milliseconds', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    for (let batch = 1; batch <= 2; batch += 1) {
      store.recordAttempt.mockClear();
      store.due = leadsOf(2);
      store.change();
      await runDue();
      const [first, second] = attempts.splice(0);
      first?.end(delivered);
      await advanceClock(1);
      second?.end(delivered);
      await runDue();
      expect(store.recordAttempt, `batch ${batch}`).not.toHaveBeenCalled();
      await advanceClock(1);
      expect(store.recordAttempt, `batch ${batch}`).toHaveBeenCalledTimes(2);
    }
  });

  test('are recorded with up to a thousand characters of the response', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    await dispatchFrom(
      store,
      respondingDialler(() => ({ outcome: 'delivered', response: 'r'.repeat(1_001) })),
    );
    await advanceClock(2);
    expect(store.recordAttempt.mock.calls[0]?.[1].response).toBe('r'.repeat(1_000));
  });

  test.each([
    ['delivered', undefined],
    ['rejected', undefined],
    ['unavailable', startTime + 90_000],
    ['unknown', startTime + 90_000],
  ] as const)('a lead that is %s is recorded with its times and the next attempt', async (outcome, next) => {
    const store = new DeliveryStore();
    store.due = leadsOf(1, { attemptNumber: 1 });
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await advanceClock(700);
    attempts[0]?.end({ outcome, response: 'as it is', retryAfter: 90_000 });
    await advanceClock(2);
    const [{ claim } = { claim: '' }] = store.claimDue.mock.calls[0] ?? [];
    const attempt = {
      leadId: 'lead-1',
      startedAt: startTime,
      endedAt: startTime + 700,
      outcome,
      response: 'as it is',
      basis: '{"calling_hours":"always"}',
    };
    expect(store.recordAttempt.mock.calls).toEqual([[claim, attempt, next && next + 700]]);
  });

  test.each([
    ['unavailable', 0],
    ['unknown', 60_000],
  ] as const)(
    'the lead that caused a pause is due once an operator resumes, unless the dialler may still process it: %s',
    async (outcome, delay) => {
      const store = new DeliveryStore();
      store.due = leadsOf(1, { attemptNumber: 1 });
      const { dialler, attempts } = heldDialler();
      await dispatchFrom(store, { ...dialler, maxRuntime: 60_000 });
      attempts[0]?.end({ outcome, response: 'gone', pause: { reason: 'HTTP 410' } });
      await advanceClock(2);
      expect(store.recordAttempt.mock.calls[0]?.[2]).toBe(startTime + delay);
    },
  );
});

describe('stop', () => {
  test('ends the sleep, unsubscribes and leaves no timer', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dispatcher } = await dispatchFrom(
      store,
      respondingDialler(() => delivered),
    );
    await advanceClock(2);
    expect(store.listeners.size).toBe(1);
    const onStop = vi.fn();
    void dispatcher.stop().then(onStop);
    await runDue();
    expect(onStop).toHaveBeenCalledTimes(1);
    expect([store.listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('claims nothing more, even if the store reports a change', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    const stopped = dispatcher.stop();
    store.due = leadsOf(1);
    store.change();
    await stopped;
    expect([attempts.length, store.claimDue.mock.calls.length]).toEqual([0, 0]);
  });

  /** Stops a dispatcher that waits for a claim, to which the store responds later. @param delay of the response (ms) */
  async function stopDuringClaim(delay: number) {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    const claimed = Promise.withResolvers<ClaimedLead[]>();
    store.claimDue.mockReturnValueOnce(claimed.promise);
    store.due = leadsOf(1);
    store.change();
    await runDue();
    const stopped = dispatcher.stop();
    await advanceClock(delay);
    claimed.resolve(leadsOf(1));
    await runDue();
    return { store, attempts, stopped };
  }

  test('sends the leads of a claim to which the store responds late, after the stop', async () => {
    const { store, attempts, stopped } = await stopDuringClaim(6_000);
    expect([attempts.length, store.renewLease.mock.calls.length]).toEqual([1, 1]);
    attempts[0]?.end(delivered);
    await advanceClock(2);
    await stopped;
    expect(store.recordAttempt.mock.calls[0]?.[1]).toMatchObject({ outcome: 'delivered' });
  });

  test('ends attempts of a claim to which the store responds after the drain timeout', async () => {
    const { store, attempts, stopped } = await stopDuringClaim(7_000);
    expect(attempts[0]?.signal.reason).toMatchObject({ name: 'AbortError' });
    await advanceClock(2);
    await stopped;
    expect(store.recordAttempt.mock.calls[0]?.[1]).toMatchObject({ outcome: 'unknown' });
  });

  test('does not wait for a store that fails to renew a lease', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    store.claimDue.mockImplementationOnce(async () => {
      vi.advanceTimersByTime(6_000);
      return store.due.splice(0);
    });
    store.renewLease.mockRejectedValue(new Error('disk full'));
    store.due = leadsOf(1);
    store.change();
    await runDue();
    await dispatcher.stop();
    expect(attempts).toEqual([]);
  });

  /** Delivers the due lead, then stops the dispatcher. Returns a mock that is called once it has stopped. */
  async function stopAfterDelivery(store: DeliveryStore) {
    const { dispatcher } = await dispatchFrom(
      store,
      respondingDialler(() => delivered),
    );
    await advanceClock(2);
    const onStop = vi.fn();
    void dispatcher.stop().then(onStop);
    return onStop;
  }

  test('records an attempt that the store failed to record, if it recovers within the drain timeout', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    store.recordAttempt.mockRejectedValueOnce(new Error('failover'));
    const onStop = await stopAfterDelivery(store);
    await advanceClock(1_000);
    expect([onStop.mock.calls.length, store.recordAttempt.mock.calls.length]).toEqual([1, 2]);
    expect(store.recordAttempt.mock.calls[1]?.[1]).toMatchObject({ outcome: 'delivered' });
  });

  test('does not wait longer than the drain timeout for a store that fails to record an attempt', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    store.recordAttempt.mockRejectedValue(new Error('disk full'));
    const onStop = await stopAfterDelivery(store);
    await advanceClock(6_999);
    expect([onStop.mock.calls.length, store.recordAttempt.mock.calls.length]).toEqual([0, 7]);
    await advanceClock(1);
    expect(onStop).toHaveBeenCalledTimes(1);
  });

  test('waits for attempts in flight up to the drain timeout, then ends them and records them as unknown', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    const onStop = vi.fn();
    void dispatcher.stop().then(onStop);
    await advanceClock(6_999);
    expect([attempts[0]?.signal.aborted, onStop.mock.calls.length]).toEqual([false, 0]);
    await advanceClock(1);
    expect(attempts[0]?.signal.reason).toMatchObject({ name: 'AbortError' });
    await advanceClock(2);
    expect(onStop).toHaveBeenCalledTimes(1);
    expect(store.recordAttempt.mock.calls[0]?.[1]).toMatchObject({ outcome: 'unknown' });
  });

  test('an attempt whose connection is still in use is ended after its result is recorded', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    attempts[0]?.end({ ...delivered, connectionReleased: new Promise(() => {}) });
    await advanceClock(2);
    expect(store.recordAttempt).toHaveBeenCalledTimes(1);
    expect(attempts[0]?.signal.aborted).toBe(false);
    await dispatcher.stop();
    expect(attempts[0]?.signal.aborted).toBe(true);
  });
});
