/** What operators do with leads and submissions. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { cancel, claim, deliverDue, leadsIn, submissionsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, waitLongerThan } from './behaviour.ts';

export const operatorActions: Behaviours = {
  'retries a failed lead with its full retry schedule, once': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store, 'rejected');
    const [failed] = await leadsIn(store);
    await store.retryLead(failed?.id ?? '');
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    expect(await claim(store, 'test')).toMatchObject([{ id: failed?.id, attemptNumber: 1 }]);
    await expect(store.retryLead(failed?.id ?? '')).rejects.toThrow('is scheduled. Only failed leads');
    await expect(store.retryLead('nothing')).rejects.toThrow('Lead "nothing" does not exist.');
  },

  'makes a retried lead due now, and accepts an expired lead by re-running its submission': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await deliverDue(store, 'rejected');
    const [failed] = await leadsIn(store);
    const late = from(first.id);
    await store.submit(late);
    const terms = { claim: 'test', limit: 10, lease: 60_000 };
    const inAnHour = Date.now() + hour;
    expect(await store.claimDue({ ...terms, earliestDueAt: inAnHour })).toMatchObject({
      expired: [expect.any(String)],
    });
    await waitLongerThan(1);
    const earliestDueAt = Date.now();
    await store.retryLead(failed?.id ?? '');
    expect((await store.rerunSubmission(late.id)).outcome).toBe('accepted');
    const { leads } = await store.claimDue({ ...terms, earliestDueAt });
    expect(leads.map(({ mobile }) => mobile).toSorted()).toEqual([late.mobile, failed?.mobile]);
  },

  'does not retry a failed lead if the person was added again': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store, 'rejected');
    const [failed] = await leadsIn(store);
    await store.submit(from(first.id));
    await expect(store.retryLead(failed?.id ?? '')).rejects.toThrow(UserError);
    await cancel(store, { partnerId: first.id, ...person });
    await expect(store.retryLead(failed?.id ?? '')).rejects.toThrow('the person was added again');
  },

  'accepts a re-run once its type exists, and keeps both outcomes': async (open) => {
    const { store, first, from } = await seeded(open());
    const submission = from(first.id, { type: 'later' });
    expect(await store.submit(submission)).toMatchObject({ outcome: 'unknown-type' });
    expect((await store.rerunSubmission(submission.id)).outcome).toBe('unknown-type');
    await store.addType('later', null);
    await store.grantType('first', 'later');
    expect((await store.rerunSubmission(submission.id)).outcome).toBe('accepted');
    const [record] = await submissionsIn(store);
    expect(record?.outcome).toBe('unknown-type');
    expect(record?.reruns.map(({ outcome }) => outcome)).toEqual(['unknown-type', 'accepted']);
    expect(record?.reruns[1]?.leadId).toBe((await leadsIn(store))[0]?.id);
    expect(await Array.fromAsync(store.submissions({ outcome: 'unknown-type' }, 10))).toEqual([]);
    expect(await Array.fromAsync(store.submissions({ outcome: 'accepted' }, 10))).toHaveLength(1);
    await expect(store.rerunSubmission('nothing')).rejects.toThrow(UserError);
  },

  'counts the delay of a re-run from when the submission was received, and never schedules it in the past':
    async (open) => {
      const { store, first, from } = await seeded(open());
      const old = from(first.id, { type: 'later', receivedAt: Date.now() - hour, delays: 600 });
      const fresh = from(first.id, { type: 'later', mobile: '+447840258824', delays: 600 });
      await store.submit(old);
      await store.submit(fresh);
      await store.addType('later', null);
      await store.grantType('first', 'later');
      const before = Date.now();
      await store.rerunSubmission(old.id);
      await store.rerunSubmission(fresh.id);
      const [freshLead, oldLead] = await leadsIn(store);
      expect(oldLead?.dueAt).toBeGreaterThanOrEqual(before);
      expect(oldLead?.dueAt).toBeLessThanOrEqual(Date.now());
      expect(freshLead?.dueAt).toBe(fresh.receivedAt + 600_000);
    },
};
