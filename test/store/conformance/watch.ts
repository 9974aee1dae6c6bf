/** Counts for metrics and for `leads watch`. */
import { expect } from 'vitest';
import { identifierBound } from '../../../src/leads/identifier.ts';
import { submissionSettleTime } from '../../../src/store/watch.ts';
import { cancel, claim, deliverDue, endDueAsTooLate, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, setClock } from './behaviour.ts';

export const watch: Behaviours = {
  'is ready, and no call waits once all are settled': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.checkReady();
    expect(store.waiting()).toBe(0);
  },

  'knows whether a server uses it, and how far its clock is from this machine’s': async (open) => {
    const store = await open();
    expect(await store.isServing()).toBe(false);
    await store.checkReady();
    expect(await store.isServing()).toBe(true);
    // The tests' PostgreSQL runs on this machine.
    expect(store.clockSkew()).toBe(0);
  },

  'counts leads by state through every change': async (open) => {
    const { store, first, from } = await seeded(open());
    const counted = async () => (await store.leadStats()).byState;
    const none = {
      scheduled: 0,
      held: 0,
      dialled: 0,
      withdrawing: 0,
      cancelled: 0,
      failed: 0,
      dismissed: 0,
      expired: 0,
      suppressed: 0,
    };
    expect(await counted()).toEqual(none);
    const mobile = (index: number) => `+44784025880${index}`;
    await Promise.all(
      [0, 1, 2, 3, 4].map((index) =>
        store.submit(from(first.id, { mobile: mobile(index), delays: 600 * index })),
      ),
    );
    await store.submit(from(first.id, { mobile: mobile(0) }));
    expect(await store.leadStats()).toMatchObject({ byState: { ...none, scheduled: 5 }, due: 1 });
    await cancel(store, { partnerId: first.id, type: 'motor', mobile: mobile(4) });
    await deliverDue(store);
    expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1 });
    await store.submit(from(first.id, { mobile: mobile(5) }));
    await deliverDue(store, 'rejected');
    expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1, failed: 1 });
    const { nextAttemptAt } = await store.leadStats();
    expect(nextAttemptAt).toBeGreaterThan(Date.now() - 60_000);
    const [failed] = await Array.fromAsync(store.leads({ state: 'failed' }, 1));
    await store.retryLead(failed?.id ?? '');
    await endDueAsTooLate(store, 1);
    expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1, expired: 1 });
    const leads = await leadsIn(store);
    for (const [state, count] of Object.entries(await counted())) {
      expect(leads.filter((lead) => lead.state === state)).toHaveLength(count);
    }
  },

  'counts and lists leads that wait for a retry, since the first of them was due': async (open) => {
    const { store, first, from } = await seeded(open());
    const mobiles = ['+447840258823', '+447840258824', '+447840258825'];
    for (const mobile of mobiles) await store.submit(from(first.id, { mobile }));
    await store.submit(from(first.id, { mobile: '+447840258826', delays: 600 }));
    expect(await store.leadStats()).toMatchObject({ due: 3, waitingForRetry: 0, waitingSince: undefined });
    const claimed = await claim(store, 'test');
    expect(await store.leadStats()).toMatchObject({ due: 0, waitingForRetry: 0 });
    const [one, two, three] = claimed;
    await record(store, 'test', one?.id ?? '', 'unavailable', Date.now() + hour);
    await record(store, 'test', two?.id ?? '', 'unknown', Date.now() + hour);
    await record(store, 'test', three?.id ?? '', 'unavailable', Date.now() - 1);
    const waitingSince = Math.min(one?.dueAt ?? 0, two?.dueAt ?? 0);
    expect(await store.leadStats()).toMatchObject({ due: 1, waitingForRetry: 2, waitingSince });
    const listed = await Array.fromAsync(store.leads({ isWaitingForRetry: true }, 10));
    expect(listed.map(({ id }) => id)).toEqual([two?.id, one?.id].toSorted().toReversed());
    expect(await Array.fromAsync(store.leads({ isWaitingForRetry: true, state: 'failed' }, 10))).toEqual([]);
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'test' });
    expect(await store.leadStats()).toMatchObject({ waitingForRetry: 0, waitingSince: undefined });
    await store.resumeDelivery('motor');
    await store.retryLead(one?.id ?? '');
    expect(await store.leadStats()).toMatchObject({ due: 2, waitingForRetry: 1 });
  },

  'counts what was sent and delivered since the last activity once': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const { cursor } = await store.activity(undefined);
    await store.submit(from(first.id));
    await store.submit(from(second.id));
    await store.submit(from(second.id, { mobile: '+447840258824' }));
    await deliverDue(store, 'unknown');
    const activity = await store.activity(cursor);
    expect(activity.submissions).toHaveLength(3);
    expect(activity.submissions).toEqual(
      expect.arrayContaining([
        { partner: 'first', outcome: 'accepted', count: 1 },
        { partner: 'second', outcome: 'accepted', count: 1 },
        { partner: 'second', outcome: 'already-scheduled', count: 1 },
      ]),
    );
    expect(activity.attempts).toEqual([{ outcome: 'unknown', count: 2 }]);
    const failures = [
      { outcome: 'unknown', response: 'unknown once' },
      { outcome: 'unknown', response: 'unknown once' },
    ];
    expect(activity.failures).toMatchObject(failures);
    const next = await store.activity(activity.cursor);
    expect(next).toMatchObject({ submissions: [], attempts: [], failures });
    await setClock(Date.now() + submissionSettleTime + 1);
    const settled = await store.activity(next.cursor);
    expect(settled).toMatchObject({ submissions: [], attempts: [] });
    await store.submit(from(first.id, { mobile: '+447840258825' }));
    await record(store, 'test', (await leadsIn(store))[0]?.id ?? '', 'delivered');
    expect(await store.activity(settled.cursor)).toMatchObject({
      submissions: [{ partner: 'first', outcome: 'accepted', count: 1 }],
      attempts: [{ outcome: 'delivered', count: 1 }],
    });
    expect(await store.activity(undefined)).toMatchObject({ submissions: [], attempts: [], failures });
  },

  'counts submissions that are committed long after they arrived': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const { cursor } = await store.activity(undefined);
    const early = from(first.id, { mobile: '+447840258824' });
    const id = `${identifierBound(Date.now() - submissionSettleTime + 2_000)}0000000000`;
    await store.submit({ ...early, id });
    expect(await store.activity(cursor)).toMatchObject({
      submissions: [{ partner: 'first', outcome: 'accepted', count: 1 }],
    });
  },
};
