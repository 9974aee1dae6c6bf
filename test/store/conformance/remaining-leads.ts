/** Counting and cancelling the scheduled leads of a partner or lead type. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { claim, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, tableNamed } from './behaviour.ts';

export const remainingLeads: Behaviours = {
  'cancels the scheduled leads of a partner and type that the partner could cancel, and no others': async (
    open,
  ) => {
    const { store, first, second, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    let people = 0;
    const submit = (partnerId: number, type = 'motor') => {
      people += 1;
      return store.submit(from(partnerId, { type, mobile: mobileOf(people) }));
    };
    await submit(first.id);
    await deliverDue(store, 'rejected');
    await submit(first.id);
    await deliverDue(store);
    await submit(first.id);
    await submit(first.id);
    const [inFlight, mayHaveArrived] = await claim(store, 'test', { lease: hour });
    await record(store, 'test', mayHaveArrived?.id ?? '', 'unknown', Date.now() + hour);
    await submit(first.id);
    await submit(first.id);
    await submit(first.id, 'home');
    await submit(second.id);
    expect(await store.countRemainingLeads({ partner: 'first', type: 'motor' })).toEqual({
      cancellable: 2,
      inFlight: 2,
    });
    expect(await store.countRemainingLeads({ partner: 'first' })).toEqual({ cancellable: 3, inFlight: 2 });
    expect(await store.countRemainingLeads({ type: 'motor' })).toEqual({ cancellable: 3, inFlight: 2 });
    expect(await store.countRemainingLeads({ type: 'home' })).toEqual({ cancellable: 1, inFlight: 0 });

    expect(await store.cancelRemainingLeads({ partner: 'first', type: 'motor' })).toBe(2);
    const leads = (await leadsIn(store)).toReversed();
    expect(leads.map(({ state }) => state)).toEqual([
      'failed',
      'dialled',
      'scheduled',
      'scheduled',
      'cancelled',
      'cancelled',
      'scheduled',
      'scheduled',
    ]);
    const cancelled = leads.filter(({ state }) => state === 'cancelled');
    expect(cancelled.every(({ cancelledAt }) => cancelledAt !== null)).toBe(true);
    const actions = await store.rows(tableNamed('operator_action'), undefined, 10);
    expect(actions.map(([, leadId, action]) => ({ leadId, action }))).toEqual(
      cancelled.map(({ id }) => ({ leadId: id, action: 'cancelled' })),
    );
    expect(await store.countRemainingLeads({ partner: 'first', type: 'motor' })).toEqual({
      cancellable: 0,
      inFlight: 2,
    });
    expect((await store.leadStats()).byState).toMatchObject({ scheduled: 4, cancelled: 2 });
    expect(inFlight?.id).toBe(leads[2]?.id);
    // The people can be added again.
    expect(await store.submit(from(second.id, { mobile: cancelled[0]?.mobile ?? '' }))).toMatchObject({
      outcome: 'accepted',
    });
    expect(await store.cancelRemainingLeads({ partner: 'first' })).toBe(1);
    expect(await store.cancelRemainingLeads({ type: 'motor' })).toBe(2);
  },

  'counts and cancels held leads, except those that the dialler may have': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824', delays: 3600 }));
    await store.holdScheduled(Date.now() + hour / 2);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['held', 'held']);
    const filter = { partner: 'first', type: 'motor' };
    expect(await store.countRemainingLeads(filter)).toEqual({ cancellable: 1, inFlight: 1 });
    expect(await store.cancelRemainingLeads(filter)).toBe(1);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'held']);
  },

  'cancels more leads than fit in one step': async (open) => {
    const { store, first, from } = await seeded(open());
    const count = 1_100;
    await Promise.all(
      Array.from({ length: count }, (_, index) => store.submit(from(first.id, { mobile: mobileOf(index) }))),
    );
    expect(await store.countRemainingLeads({ partner: 'first' })).toEqual({
      cancellable: count,
      inFlight: 0,
    });
    expect(await store.cancelRemainingLeads({ partner: 'first' })).toBe(count);
    expect(await store.countRows(tableNamed('operator_action'))).toBe(count);
    expect(await store.countRemainingLeads({ partner: 'first' })).toEqual({ cancellable: 0, inFlight: 0 });
  },

  'counts no leads of a partner or type that does not exist': async (open) => {
    const { store } = await seeded(open());
    await expect(store.countRemainingLeads({ partner: 'nobody' })).rejects.toThrow(UserError);
    await expect(store.countRemainingLeads({ type: 'nothing' })).rejects.toThrow(UserError);
  },
};
