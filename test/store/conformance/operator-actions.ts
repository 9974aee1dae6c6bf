/** What operators do with leads and submissions. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import type { AttemptOutcome } from '../../../src/leads/attempt.ts';
import {
  cancel,
  claim,
  deliverDue,
  endDueAsTooLate,
  leadsIn,
  record,
  submissionsIn,
} from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, type Open, person, tableNamed } from './behaviour.ts';

/** Fills a store with one lead, whose only attempt ended with an outcome. */
async function attempted(open: Open, outcome: AttemptOutcome, recontactAfter: number | null = null) {
  const all = await seeded(open(), recontactAfter);
  await all.store.submit(all.from(all.first.id));
  await deliverDue(all.store, outcome);
  const id = (await leadsIn(all.store))[0]?.id ?? '';
  return { ...all, id };
}

const canBeAdded = { isPossible: true, activeLead: undefined, possibleFrom: undefined };

export const operatorActions: Behaviours = {
  'retries a failed lead with its full retry schedule, once': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store, 'rejected');
    const [failed] = await leadsIn(store);
    await store.retryLead(failed?.id ?? '');
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    expect(await claim(store, 'test')).toMatchObject([{ id: failed?.id, attemptNumber: 1 }]);
    await expect(store.retryLead(failed?.id ?? '')).rejects.toThrow('an attempt to deliver it is in flight');
    await record(store, 'test', failed?.id ?? '', 'delivered');
    await expect(store.retryLead(failed?.id ?? '')).rejects.toThrow(
      'is dialled. Only failed, dismissed, scheduled and suppressed leads can be retried.',
    );
    await expect(store.retryLead('nothing')).rejects.toThrow('Lead "nothing" does not exist.');
  },

  'makes a retried lead due now, and accepts an expired lead by re-running its submission': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await deliverDue(store, 'rejected');
    const [failed] = await leadsIn(store);
    const late = from(first.id);
    await store.submit(late);
    expect(await endDueAsTooLate(store)).toMatchObject({ expired: [expect.any(String)] });
    await store.retryLead(failed?.id ?? '');
    expect((await store.rerunSubmission(late.id)).outcome).toBe('accepted');
    const leads = await claim(store, 'test');
    expect(leads.map(({ mobile }) => mobile).toSorted()).toEqual([late.mobile, failed?.mobile]);
  },

  'sends a lead that waits for a retry now, with its full retry schedule': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const id = lead?.id ?? '';
    const next = Date.now() + hour;
    await record(store, 'test', id, 'unknown', next);
    expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled', attempts: 1, nextAttemptAt: next }]);
    expect(await claim(store, 'early')).toEqual([]);
    const before = Date.now();
    expect(await store.retryLead(id)).toMatchObject({ mayHaveArrived: true });
    const [retried] = await leadsIn(store);
    expect(retried).toMatchObject({ state: 'scheduled', attempts: 0, dueAt: retried?.nextAttemptAt });
    expect(retried?.nextAttemptAt).toBeGreaterThanOrEqual(before);
    expect((await Array.fromAsync(store.leadActions(person.mobile))).map(({ action }) => action)).toEqual([
      'retried',
    ]);
    expect(await claim(store, 'now')).toMatchObject([{ id, attemptNumber: 1, mayHaveArrived: true }]);
    expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled', nextAttemptAt: null }]);
  },

  'sends a scheduled lead before it is due only if that is requested': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id, { delays: 3_600 }));
    const [lead] = await leadsIn(store);
    const id = lead?.id ?? '';
    await expect(store.retryLead(id)).rejects.toThrow('To send it now nevertheless, pass --early.');
    await expect(store.retryLead(id, { isForced: true })).rejects.toThrow('pass --early');
    expect(await leadsIn(store)).toEqual([lead]);
    await store.retryLead(id, { isEarly: true });
    expect(await claim(store, 'test')).toMatchObject([{ id }]);
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

  'cancels a scheduled lead, whose person can be added again': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await leadsIn(store);
    const before = Date.now();
    await store.checkCancellable(lead?.id ?? '');
    expect(await leadsIn(store)).toEqual([lead]);
    expect(await store.cancelLead(lead?.id ?? '')).toMatchObject(canBeAdded);
    const [cancelled] = await leadsIn(store);
    expect(cancelled).toMatchObject({ state: 'cancelled' });
    expect(cancelled?.cancelledAt).toBeGreaterThanOrEqual(before);
    expect(await claim(store, 'test')).toEqual([]);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'not-found' });
    for (const refuse of [store.cancelLead, store.checkCancellable]) {
      await expect(refuse(lead?.id ?? '')).rejects.toThrow(
        `Lead ${lead?.id} was already cancelled. Nothing was changed.`,
      );
    }
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    await expect(store.cancelLead('nothing')).rejects.toThrow('Lead "nothing" does not exist.');
  },

  'cancels a lead between two attempts if it certainly did not arrive, and no lead that may have': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const id = lead?.id ?? '';
    await expect(store.cancelLead(id)).rejects.toThrow('an attempt to deliver it is in flight');
    await expect(store.checkCancellable(id)).rejects.toThrow('an attempt to deliver it is in flight');
    await record(store, 'test', id, 'unknown', Date.now() + hour);
    await expect(store.cancelLead(id)).rejects.toThrow('the dialler may have it from an earlier attempt');
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const [other] = await claim(store, 'test');
    await record(store, 'test', other?.id ?? '', 'unavailable', Date.now() + hour);
    await store.cancelLead(other?.id ?? '');
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'scheduled']);
  },

  'cancels no lead that the dialler has': async (open) => {
    const { store, id } = await attempted(open, 'delivered');
    await expect(store.cancelLead(id)).rejects.toThrow('the dialler has it. To withdraw it');
    expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]);
  },

  'cancels a failed or dismissed lead, even if the person was added again, in the order in which they ended':
    async (open) => {
      const { store, first, from, id } = await attempted(open, 'rejected');
      await store.submit(from(first.id));
      const [again] = await leadsIn(store);
      const added = {
        isPossible: false,
        activeLead: { id: again?.id, state: 'scheduled' },
        possibleFrom: undefined,
      };
      expect(await store.dismissLead(id)).toEqual(added);
      expect(await store.cancelLead(again?.id ?? '')).toMatchObject(canBeAdded);
      expect(await store.cancelLead(id)).toMatchObject(canBeAdded);
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
      expect(await store.leadStatus({ partnerId: first.id, ...person })).toMatchObject({ id: again?.id });
    },

  'dismisses a failed lead, which partners still see as failed': async (open) => {
    const { store, first, from, id } = await attempted(open, 'rejected');
    expect(await store.dismissLead(id)).toEqual(canBeAdded);
    expect(await leadsIn(store)).toMatchObject([{ state: 'dismissed', isUndecided: false }]);
    expect((await store.leadStats()).byState).toMatchObject({ failed: 0, dismissed: 1 });
    expect(await Array.fromAsync(store.leads({ state: 'failed' }, 10))).toEqual([]);
    await expect(store.dismissLead(id)).rejects.toThrow('was already dismissed. Nothing was changed.');
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    await expect(store.dismissLead((await leadsIn(store))[0]?.id ?? '')).rejects.toThrow('is scheduled.');
    await expect(store.dismissLead('nothing')).rejects.toThrow('Lead "nothing" does not exist.');
  },

  'neither dismisses nor cancels an undecided lead until it is resolved': async (open) => {
    const { store, id } = await attempted(open, 'unknown');
    await expect(store.dismissLead(id)).rejects.toThrow(/may have it.*`leads lead resolve .*be dismissed\.$/);
    await expect(store.cancelLead(id)).rejects.toThrow(/may have it.*`leads lead resolve .*be cancelled\./);
    await store.resolveLead(id, false);
    expect(await store.dismissLead(id)).toEqual(canBeAdded);
    expect(await store.cancelLead(id)).toMatchObject(canBeAdded);
  },

  'retries a dismissed lead, unless the person was added again': async (open) => {
    const { store, first, from, id } = await attempted(open, 'rejected');
    await store.dismissLead(id);
    expect(await store.retryLead(id)).toEqual({ mayHaveArrived: false, cancellations: [] });
    expect(await claim(store, 'test')).toMatchObject([{ id, attemptNumber: 1 }]);
    await record(store, 'test', id, 'rejected');
    await store.dismissLead(id);
    await store.submit(from(first.id));
    await expect(store.retryLead(id)).rejects.toThrow('the person was added again');
  },

  'returns when the re-contact period of a person who was dialled meanwhile ends': async (open) => {
    const { store, first, from, id } = await attempted(open, 'rejected', hour);
    await store.submit(from(first.id));
    const [again] = await claim(store, 'test');
    const endedAt = Date.now() - hour / 2;
    const attempt = { leadId: again?.id ?? '', startedAt: endedAt, endedAt, response: '' };
    await store.recordAttempt('test', { ...attempt, outcome: 'delivered' }, undefined);
    expect(await store.dismissLead(id)).toEqual({
      isPossible: false,
      activeLead: { id: again?.id, state: 'dialled' },
      possibleFrom: endedAt + hour,
    });
  },

  'records every action on a lead in the same transaction, and lists those on a person’s leads': async (
    open,
  ) => {
    const { store, first, from, id } = await attempted(open, 'unknown');
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await store.cancelLead((await leadsIn(store))[0]?.id ?? '');
    const start = Date.now();
    await store.resolveLead(id, false);
    await store.dismissLead(id);
    await store.retryLead(id);
    await deliverDue(store, 'unknown');
    await store.resolveLead(id, true);
    await expect(store.retryLead(id)).rejects.toThrow(UserError);
    await expect(store.dismissLead(id)).rejects.toThrow(UserError);
    const actions = await Array.fromAsync(store.leadActions(person.mobile));
    expect(actions.map(({ leadId, action }) => [leadId, action])).toEqual(
      ['resolved-not-delivered', 'dismissed', 'retried', 'resolved-delivered'].map((action) => [id, action]),
    );
    for (const { actedAt } of actions) {
      expect(actedAt).toBeGreaterThanOrEqual(start);
      expect(actedAt).toBeLessThanOrEqual(Date.now());
    }
    expect(await Array.fromAsync(store.leadActions('+447840258824'))).toMatchObject([
      { action: 'cancelled' },
    ]);
  },

  'prunes an old dismissed lead with its actions': async (open) => {
    const { store, id } = await attempted(open, 'rejected');
    // Later than the times of all identifiers of this process, which other tests may have made with a later clock.
    const prune = () => store.prune(Date.now() + 100_000 * hour, '');
    expect(await prune()).toMatchObject({ submissions: 0, leads: 0 });
    await store.dismissLead(id);
    expect(await prune()).toMatchObject({ submissions: 1, leads: 1, attempts: 1 });
    expect(await store.rows(tableNamed('operator_action'), undefined, 1)).toEqual([]);
    await expect(store.retryLead(id)).rejects.toThrow('does not exist');
  },

  'does not retry a dismissed lead whose submission was pruned': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id, { receivedAt: Date.now() - 2 * hour, id: '0'.repeat(20) }));
    // It refers to the lead, so the lead is kept.
    await store.submit(from(second.id));
    await deliverDue(store, 'rejected');
    const [lead] = await leadsIn(store);
    await store.dismissLead(lead?.id ?? '');
    expect(await store.prune(Date.now() - hour, '')).toMatchObject({ submissions: 1, leads: 0 });
    await expect(store.retryLead(lead?.id ?? '')).rejects.toThrow('`leads prune` has removed its submission');
    expect(await leadsIn(store)).toMatchObject([{ state: 'dismissed' }]);
    expect(await store.rows(tableNamed('operator_action'), undefined, 1)).toEqual([]);
  },
};
