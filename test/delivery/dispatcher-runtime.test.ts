/**
 * How the dispatcher treats a dialler that may still be processing an attempt, or that pauses delivery for some time.
 */
import { describe, expect, test, vi } from 'vitest';
import type { DeliveryResult, Dialler, FindResult } from '../../src/delivery/dialler.ts';
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
const maxRuntime = 600_000;

/** A dialler whose test decides when and how each attempt ends, and which may process an attempt for ten minutes. */
function slowDialler() {
  const { dialler, attempts } = heldDialler();
  return { dialler: { ...dialler, maxRuntime }, attempts };
}

describe('a dialler that may process an attempt after it has ended', () => {
  test('holds the lease for as long, also when it is renewed', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    await dispatchFrom(store, slowDialler().dialler);
    expect(store.claimDue.mock.calls[0]?.[0].lease).toBe(20_000 + maxRuntime + 5_000);
  });

  test.each([
    ['unknown', maxRuntime],
    ['unavailable', 6_000],
  ] as const)('after the outcome %s, the lead waits for up to %i ms', async (outcome, delay) => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = slowDialler();
    await dispatchFrom(store, dialler);
    attempts[0]?.end({ outcome, response: 'HTTP 500' });
    await advanceClock(2);
    const [, , nextAttemptAt = 0] = store.recordAttempt.mock.calls[0] ?? [];
    expect(nextAttemptAt - startTime).toBeLessThanOrEqual(delay);
    if (outcome === 'unknown') expect(nextAttemptAt - startTime).toBe(delay);
  });

  test('does not get a lead that it may still be processing, but the others', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = slowDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    const now = Date.now();
    const [processed, settled] = leadsOf(2, { mayHaveArrived: true, lastUnknownAt: now - maxRuntime });
    if (processed === undefined || settled === undefined) throw new Error('There are no leads.');
    store.due = [{ ...processed, lastUnknownAt: now - maxRuntime + 1_000 }, settled];
    store.change();
    await runDue();
    expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-2']);
    expect(store.releaseLeads.mock.calls.map(([, ids, until]) => [ids, until])).toEqual([
      [['lead-1'], now + 1_000],
    ]);
    expect(store.recordAttempt).toHaveBeenCalledTimes(1);
  });

  test('does not get a lead again early because another process or a set clock has made it due', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const { dialler, attempts } = slowDialler();
    await dispatchFrom(store, dialler);
    attempts[0]?.end({ outcome: 'unknown', response: 'no response in time' });
    await advanceClock(2_000);
    store.due = leadsOf(1, { mayHaveArrived: true, lastUnknownAt: 0 });
    store.change();
    await advanceClock(2_000);
    expect(attempts).toHaveLength(1);
    expect(store.releaseLeads).toHaveBeenCalledTimes(1);
  });

  test('delays no other lead', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = slowDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.due = leadsOf(1);
    store.change();
    await runDue();
    attempts[0]?.end({ outcome: 'unknown', response: 'no response in time' });
    await advanceClock(2);
    store.due = leadsOf(1, { id: 'other' });
    store.change();
    await runDue();
    expect(attempts.map(({ lead }) => lead.id)).toEqual(['lead-1', 'other']);
    expect(dispatcher.status().state).toBe('running');
  });
});

describe('a pause that ends by itself', () => {
  const pause = { reason: 'no such list', isOfType: true, retryAfter: 60_000 };

  test('is stored before its lead is released, whose attempt does not count', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const refuse = () => ({ outcome: 'unavailable', response: 'no such list', pause }) as const;
    const { lines } = await dispatchFrom(store, respondingDialler(refuse));
    expect(store.pauseDelivery.mock.calls).toEqual([
      [{ type: 'motor', by: 'dialler', reason: 'no such list', retryAt: startTime + 60_000 }],
    ]);
    expect(store.releaseLeads.mock.calls.map(([, ids]) => ids)).toEqual([['lead-1']]);
    const [stored = 0] = store.pauseDelivery.mock.invocationCallOrder;
    const [released = 0] = store.releaseLeads.mock.invocationCallOrder;
    expect(stored).toBeLessThan(released);
    await advanceClock(2);
    expect(store.recordAttempt).not.toHaveBeenCalled();
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      [
        'fatal',
        'Delivery of lead type "motor" is paused by the dialler: no such list. Fix the cause; delivery then resumes by itself.',
      ],
    ]);
  });

  test('of a type does not delay other types', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.due = leadsOf(1);
    store.change();
    await runDue();
    attempts[0]?.end({ outcome: 'unavailable', response: 'no such list', pause });
    await runDue();
    store.due = leadsOf(3, { type: 'home' });
    store.change();
    await advanceClock(500);
    expect(attempts.slice(1).map(({ lead }) => lead.type)).toEqual(['home', 'home', 'home']);
  });

  test('ends with the first lead that is accepted during it, not with one that was in flight before', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.due = leadsOf(2);
    store.change();
    await runDue();
    attempts[0]?.end({ outcome: 'unavailable', response: 'no such list', pause });
    await advanceClock(500);
    attempts[1]?.end(delivered);
    await advanceClock(500);
    expect(store.endDiallerPause).not.toHaveBeenCalled();
    store.due = leadsOf(1, { id: 'trial' });
    store.change();
    await advanceClock(500);
    attempts.at(-1)?.end(delivered);
    await advanceClock(2);
    expect(store.endDiallerPause.mock.calls).toEqual([['motor']]);
  });

  test('of all types stops every claim until its time has come, then lets one lead through', async () => {
    const store = new DeliveryStore();
    const { dialler, attempts } = heldDialler();
    const { dispatcher } = await dispatchFrom(store, dialler);
    await succeedOnce(store, attempts);
    store.due = leadsOf(5);
    store.change();
    await runDue();
    const locked = { reason: 'locked', retryAfter: 60_000 };
    attempts[0]?.end({ outcome: 'unavailable', response: 'locked', pause: locked });
    for (const { end } of attempts.splice(0).slice(1)) end(delivered);
    await advanceClock(59_000);
    expect(attempts).toEqual([]);
    expect(dispatcher.status().state).toBe('paused');
    store.due = leadsOf(5);
    await advanceClock(1_500);
    expect(attempts).toHaveLength(1);
    attempts[0]?.end(delivered);
    await advanceClock(2);
    expect(store.endDiallerPause.mock.calls).toEqual([[undefined]]);
  });

  test('whose end cannot be saved is logged, and ends with the next lead', async () => {
    const store = new DeliveryStore();
    store.inForce = [{ type: 'motor', by: 'dialler', reason: 'no such list', since: 1, retryAt: 2 }];
    store.endDiallerPause.mockRejectedValueOnce(new Error('disk full'));
    store.due = leadsOf(2);
    const { lines } = await dispatchFrom(
      store,
      respondingDialler(() => delivered),
    );
    await advanceClock(500);
    expect(store.endDiallerPause).toHaveBeenCalledTimes(2);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'The end of a delivery pause was not saved.' }),
    );
  });
});

describe('a result', () => {
  test('that is final is logged without the advice to send the lead again', async () => {
    const store = new DeliveryStore();
    store.due = leadsOf(1);
    const reject = () => ({ outcome: 'rejected', response: 'DNC', isFinal: true }) as const;
    const { lines } = await dispatchFrom(store, respondingDialler(reject));
    expect(lines).toMatchObject([
      {
        level: 'error',
        response: 'DNC',
        msg: 'Delivery failed. The dialler would reject the lead again: do not send it again unless you have removed the reason.',
      },
    ]);
  });
});

test('an attempt can ask for the earlier leads of its person', async () => {
  const store = new DeliveryStore();
  store.earlierLeads.mockResolvedValue(['earlier']);
  store.due = leadsOf(1);
  let found: readonly string[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: async (_lead, _signal, context) => {
      found = await context.earlierLeads();
      return delivered;
    },
  };
  await dispatchFrom(store, dialler);
  expect([store.earlierLeads.mock.calls, found]).toEqual([[['lead-1']], ['earlier']]);
});

describe('a lead that the dialler may have', () => {
  /** Delivers a lead to a dialler that finds it under some ids, and responds with a result. */
  async function deliverTo(find: FindResult, result: DeliveryResult, changes: Partial<ClaimedLead> = {}) {
    const store = new DeliveryStore();
    store.due = leadsOf(1, { mayHaveArrived: true, ...changes });
    const dialler = {
      name: 'test',
      find: vi.fn(async () => find),
      deliver: vi.fn<Dialler['deliver']>(async () => result),
    };
    const { lines } = await dispatchFrom(store, dialler);
    await advanceClock(2);
    const [, attempt] = store.recordAttempt.mock.calls[0] ?? [];
    return { dialler, lines, attempt };
  }

  test('is looked for before it is sent, and the attempt learns where it is', async () => {
    const { dialler, attempt } = await deliverTo({ ids: ['8'] }, delivered);
    expect(dialler.find).toHaveBeenCalledOnce();
    expect(dialler.deliver.mock.calls[0]?.[2]).toMatchObject({ found: ['8'] });
    expect(attempt).not.toHaveProperty('wasAbsent');
  });

  test('is not looked for if no earlier attempt may have arrived', async () => {
    const { dialler } = await deliverTo({ ids: ['8'] }, delivered, { mayHaveArrived: false });
    expect(dialler.find).not.toHaveBeenCalled();
    expect(dialler.deliver.mock.calls[0]?.[2]).toMatchObject({ found: [] });
  });

  test('is not sent if the look-up fails', async () => {
    const failure = { outcome: 'unavailable', response: 'not sent' } as const;
    const { dialler, attempt } = await deliverTo({ failure }, delivered);
    expect(dialler.deliver).not.toHaveBeenCalled();
    expect(attempt).toMatchObject(failure);
  });

  test('is not undecided if the dialler does not have it, and rejects it', async () => {
    const { attempt, lines } = await deliverTo({ ids: [] }, { outcome: 'rejected', response: 'duplicate' });
    expect(attempt).toMatchObject({ outcome: 'rejected', wasAbsent: true });
    expect(lines.map(({ msg }) => String(msg)).join()).not.toContain('may have the lead');
  });

  test('and has more than once is logged as an error, and all its ids are recorded', async () => {
    const { attempt, lines } = await deliverTo({ ids: ['1', '2'] }, { ...delivered, response: 'lead 1' });
    const response = 'lead 1; the dialler has the lead 2 times: 1, 2';
    expect(lines.map((line) => [line['level'], line['response']])).toEqual([
      ['error', response],
      ['info', response],
    ]);
    expect(attempt?.response).toBe(response);
  });
});
