/** Counts for metrics and for `leads watch`. */
import { expect } from 'vitest';
import { identifierBound } from '../../../src/leads/identifier.ts';
import { submissionSettleTime } from '../../../src/store/watch.ts';
import { cancel, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, setClock } from './behaviour.ts';

export const watch: Behaviours = {
  'is ready, and no call waits once all are settled': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.checkReady();
    expect(store.waiting()).toBe(0);
  },

  'counts leads by state through every change': async (open) => {
    const { store, first, from } = await seeded(open());
    const counted = async () => (await store.leadStats()).byState;
    const none = { scheduled: 0, held: 0, dialled: 0, cancelled: 0, failed: 0, dismissed: 0, expired: 0 };
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
    await store.claimDue({ claim: 'late', limit: 1, lease: 1_000, earliestDueAt: Date.now() + 60_000 });
    expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1, expired: 1 });
    const leads = await leadsIn(store);
    for (const [state, count] of Object.entries(await counted())) {
      expect(leads.filter((lead) => lead.state === state)).toHaveLength(count);
    }
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
