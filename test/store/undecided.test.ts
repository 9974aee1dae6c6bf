/**
 * A lead that the dialler may have stays active, so that its person is not called twice, until an operator resolves it.
 */
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors/user-error.ts';
import type { Store } from '../../src/store/store.ts';
import { cancel, claim, deliverDue, endDueAsTooLate, leadsIn, record } from '../harness/server.ts';
import { seeded, stores } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };
const hour = 3_600_000;

/** Makes an attempt for the only due lead, and schedules the next one for now. */
async function attempt(store: Store, outcome: 'unknown' | 'unavailable'): Promise<void> {
  const [lead] = await claim(store, 'test');
  await record(store, 'test', lead?.id ?? '', outcome, Date.now());
}

/** Claims the only lead, records no attempt, and waits until it can be claimed again. */
async function interrupt(store: Store): Promise<void> {
  await claim(store, 'killed', { lease: 1 });
  await expect.poll(async () => (await store.leadStats()).due, { interval: 2 }).toBe(1);
}

/** Ways in which a lead fails that the dialler may have. */
const failures: Record<string, (store: Store) => Promise<unknown>> = {
  'attempts ran out': (store) => deliverDue(store, 'unknown'),
  'attempts ran out while the dialler was down': async (store) => {
    await attempt(store, 'unknown');
    await deliverDue(store, 'unavailable');
  },
  'a rejection after an attempt with an unknown outcome': async (store) => {
    await attempt(store, 'unknown');
    await deliverDue(store, 'rejected');
  },
  'a rejection after an interrupted attempt': async (store) => {
    await interrupt(store);
    await deliverDue(store, 'rejected');
  },
  'too late to call after an attempt with an unknown outcome': async (store) => {
    await attempt(store, 'unknown');
    expect(await endDueAsTooLate(store)).toEqual({ expired: [], undecided: [expect.any(String)] });
  },
  'too late to call after an interrupted attempt': async (store) => {
    await interrupt(store);
    expect(await endDueAsTooLate(store)).toEqual({ expired: [], undecided: [expect.any(String)] });
  },
};

describe.each(stores)('$name', ({ open }) => {
  /** Fills a store with one lead, which failed and may have reached the dialler. */
  async function undecided(recontactAfter: number | null = null) {
    const all = await seeded(open(), recontactAfter);
    await all.store.submit(all.from(all.first.id));
    await deliverDue(all.store, 'unknown');
    const id = (await leadsIn(all.store))[0]?.id ?? '';
    return { ...all, id, status: () => all.store.leadStatus({ partnerId: all.first.id, ...person }) };
  }

  test.each(Object.keys(failures))('keeps a lead active that the dialler may have: %s', async (failure) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id));
    await failures[failure]?.(store);
    const [lead] = await leadsIn(store);
    expect(lead).toMatchObject({ state: 'failed', isUndecided: true });
    for (const { id } of [first, second]) {
      expect(await store.submit(from(id))).toMatchObject({ outcome: 'already-scheduled' });
    }
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    expect(await cancel(store, { partnerId: second.id, ...person })).toMatchObject({ outcome: 'not-found' });
    expect(await claim(store, 'next')).toEqual([]);
    expect(await leadsIn(store)).toEqual([lead]);
    expect((await store.leadStats()).undecided).toBe(1);
  });

  test.each(['rejected', 'unavailable'] as const)(
    'requires no decision about a failed lead that certainly did not arrive: %s',
    async (outcome) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      await deliverDue(store, outcome);
      expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: false, attempts: 1 }]);
      expect((await store.leadStats()).undecided).toBe(0);
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    },
  );

  test('records the interrupted attempt of a lead that is too late to call', async () => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await interrupt(store);
    const [lead] = await leadsIn(store);
    await endDueAsTooLate(store);
    expect(await Array.fromAsync(store.attempts(person.mobile))).toMatchObject([
      {
        startedAt: lead?.inFlightSince,
        outcome: 'unknown',
        response: 'no response was recorded before the lease ended',
      },
    ]);
  });

  test('does not cancel a lead with an unknown attempt, even if the dialler was unavailable later', async () => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await attempt(store, 'unknown');
    await attempt(store, 'unavailable');
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
  });

  test('lists the leads that need a decision, and no others', async () => {
    const { store, first, from, id } = await undecided();
    for (const [mobile, outcome] of [
      ['+447840258824', 'delivered'],
      ['+447840258825', 'rejected'],
    ] as const) {
      await store.submit(from(first.id, { mobile }));
      await deliverDue(store, outcome);
    }
    await store.submit(from(first.id, { mobile: '+447840258826' }));
    const listed = await Array.fromAsync(store.leads({ isUndecided: true }, 10));
    expect(listed.map((lead) => lead.id)).toEqual([id]);
    expect(await Array.fromAsync(store.leads({ isUndecided: true, partner: 'second' }, 10))).toEqual([]);
  });

  test('marks a lead that is resolved as delivered as dialled at its last attempt', async () => {
    const { store, first, from } = await seeded(open(), hour);
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const id = lead?.id ?? '';
    const endedAt = Date.now() - hour;
    const ended = { leadId: id, startedAt: endedAt, endedAt, outcome: 'unknown', response: 'none' } as const;
    await store.recordAttempt('test', ended, undefined);
    await store.resolveLead(id, true);
    expect(await leadsIn(store)).toMatchObject([
      { state: 'dialled', dialledAt: endedAt, isUndecided: false },
    ]);
    expect((await store.leadStats()).undecided).toBe(0);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    // The re-contact period begins at the attempt, not at the decision.
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  });

  test('treats the person of a lead that is resolved as delivered as an existing contact', async () => {
    const { store, first, from, id } = await undecided(hour);
    await store.resolveLead(id, true);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  });

  test('accepts the person again if the lead is resolved as not delivered', async () => {
    const { store, first, from, id, status } = await undecided();
    await store.resolveLead(id, false);
    expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: false, dialledAt: null }]);
    expect((await store.leadStats()).undecided).toBe(0);
    expect(await store.submit(from(first.id, { delays: 60 }))).toMatchObject({ outcome: 'accepted' });
    expect(await status()).toMatchObject({ state: 'scheduled' });
    await expect(store.retryLead(id)).rejects.toThrow('the person was added again');
  });

  test('cancels a lead that is resolved as not delivered', async () => {
    const { store, first, id, status } = await undecided();
    await store.resolveLead(id, false);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
    expect(await status()).toMatchObject({ state: 'cancelled' });
  });

  test('resolves only leads that need a decision, and each once', async () => {
    const { store, first, from, id } = await undecided();
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await deliverDue(store, 'rejected');
    await store.submit(from(first.id, { mobile: '+447840258825' }));
    const [, failed] = await leadsIn(store);
    await expect(store.resolveLead(failed?.id ?? '', true)).rejects.toThrow(
      `Lead ${failed?.id} (failed) is not undecided.`,
    );
    await store.resolveLead(id, false);
    for (const wasDelivered of [true, false]) {
      await expect(store.resolveLead(id, wasDelivered)).rejects.toThrow(UserError);
      await expect(store.resolveLead('nothing', wasDelivered)).rejects.toThrow(
        'Lead "nothing" does not exist',
      );
    }
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'failed', 'failed']);
  });

  test('retries a lead under the same id, and still does not cancel it', async () => {
    const { store, first, id } = await undecided();
    expect(await store.retryLead(id)).toEqual({ mayHaveArrived: true, cancellations: [] });
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    expect(await claim(store, 'again')).toMatchObject([{ id, attemptNumber: 1, mayHaveArrived: true }]);
    await record(store, 'again', id, 'rejected');
    expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: true }]);
  });

  test('marks a failed lead as dialled if a late attempt delivered it', async () => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'slow', { lease: 1 });
    await expect.poll(async () => (await store.leadStats()).due, { interval: 2 }).toBe(1);
    await endDueAsTooLate(store);
    await record(store, 'slow', lead?.id ?? '', 'rejected');
    expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: true }]);
    await record(store, 'slow', lead?.id ?? '', 'delivered');
    expect(await leadsIn(store)).toMatchObject([{ state: 'dialled', isUndecided: false }]);
  });

  test('ignores a late attempt after an operator has resolved the lead', async () => {
    const { store, first, from, id } = await undecided();
    await store.resolveLead(id, false);
    await store.submit(from(first.id, { delays: 60 }));
    await record(store, 'test', id, 'delivered');
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'failed']);
  });
});
