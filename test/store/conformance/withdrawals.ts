/** Leads that the dialler has, or may have, are withdrawn from it. */
import { expect, vi } from 'vitest';
import type { WithdrawalAttemptOutcome } from '../../../src/leads/withdrawal.ts';
import { maxHastenedAttempts } from '../../../src/store/sql/withdrawals/claim.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ClaimedWithdrawal } from '../../../src/store/withdrawals.ts';
import { cancel, claim, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { afterAllRows } from '../clock.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, tableNamed } from './behaviour.ts';

/** Fills a store with a lead that is due, whose type withdraws leads. */
async function withdrawable(opening: Promise<Store>, recontactAfter: number | null = null) {
  const all = await seeded(opening, recontactAfter);
  const { store, first, from } = all;
  await store.setWithdraws(person.type, true);
  await store.submit(from(first.id));
  const [lead] = await leadsIn(store);
  return {
    ...all,
    leadId: lead?.id ?? '',
    cancelIt: () => cancel(store, { partnerId: first.id, ...person }),
  };
}

function claimed(store: Store, name = 'withdrawer', lease = hour): Promise<ClaimedWithdrawal[]> {
  return store.claimWithdrawals({ claim: name, limit: 10, lease });
}

/** Records an attempt to withdraw a lead that ends now. */
function recordWithdrawal(
  store: Store,
  leadId: string,
  outcome: WithdrawalAttemptOutcome,
  { name = 'withdrawer', nextAttemptAt }: { name?: string; nextAttemptAt?: number } = {},
): Promise<void> {
  const attempt = { leadId, endedAt: Date.now(), outcome, response: `${outcome} once` };
  return store.recordWithdrawal(name, attempt, nextAttemptAt);
}

async function stateOf(store: Store, leadId: string): Promise<string | undefined> {
  return (await leadsIn(store)).find(({ id }) => id === leadId)?.state;
}

/** Returns what the evidence states about withdrawals of the person's leads, in the order of the chain. */
async function documented(store: Store): Promise<unknown[]> {
  while ((await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 })) > 0);
  const entries = await store.evidenceOf(person.mobile);
  return entries
    .filter(({ kind }) => kind === 'withdrawal')
    .map(({ content, happenedAt }) => ({ ...JSON.parse(content ?? ''), happenedAt }));
}

/** Delivers and cancels the lead, and withdraws it, to be removed once more from now on. */
async function withdrawn(opening: Promise<Store>) {
  const all = await withdrawable(opening);
  await deliverDue(all.store);
  await all.cancelIt();
  await claimed(all.store);
  await recordWithdrawal(all.store, all.leadId, 'withdrawn', { nextAttemptAt: Date.now() });
  return all;
}

export const withdrawals: Behaviours = {
  'removes a withdrawn lead once more': async (open) => {
    const { store, leadId } = await withdrawn(open());
    expect(await store.nextWithdrawalAt()).toBeLessThanOrEqual(Date.now());
    expect(await claimed(store)).toMatchObject([{ id: leadId, isRepeat: true, attemptNumber: 2 }]);
    expect(await claimed(store, 'other')).toEqual([]);
    await store.releaseWithdrawals('withdrawer', [leadId], Date.now());
    await claimed(store);
    await recordWithdrawal(store, leadId, 'unknown', { nextAttemptAt: Date.now() });
    expect(await claimed(store)).toMatchObject([{ id: leadId, isRepeat: true, attemptNumber: 3 }]);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect([await claimed(store), await store.nextWithdrawalAt()]).toEqual([[], undefined]);
    expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome: 'withdrawn' });
    expect(await documented(store)).toHaveLength(1);
  },

  'records that a withdrawn lead was called nevertheless': async (open) => {
    const { store, leadId } = await withdrawn(open());
    await claimed(store);
    await recordWithdrawal(store, leadId, 'too-late');
    expect(await store.withdrawalOf(leadId)).toMatchObject({
      outcome: 'too-late',
      response: 'too-late once',
    });
    expect(await stateOf(store, leadId)).toBe('cancelled');
    expect(await store.nextWithdrawalAt()).toBeUndefined();
    expect(await documented(store)).toMatchObject([{ outcome: 'withdrawn' }, { outcome: 'too-late' }]);
  },

  'does not remove a withdrawn lead once more if the person was added again': async (open) => {
    const { store, first, from } = await withdrawn(open());
    await store.submit(from(first.id));
    expect([await claimed(store), await store.nextWithdrawalAt()]).toEqual([[], undefined]);
  },

  'withdraws a lead again that a stalled server delivers after its withdrawal': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await claim(store, 'stalled', { lease: 0 });
    await cancelIt();
    await claimed(store);
    await recordWithdrawal(store, leadId, 'withdrawn');
    const endedAt = Date.now() + 5;
    const attempt = { leadId, startedAt: 1, endedAt, outcome: 'delivered', response: 'lead 8' } as const;
    expect(await store.recordAttempt('stalled', attempt, undefined)).toBe(true);
    // The response of the store was lost.
    expect(await store.recordAttempt('stalled', attempt, undefined)).toBe(false);
    await vi.waitUntil(() => Date.now() > endedAt);
    expect(await claimed(store)).toMatchObject([
      { id: leadId, isRepeat: false, attemptNumber: 1, deliveryResponse: 'lead 8' },
    ]);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome: 'withdrawn' });
    expect(await stateOf(store, leadId)).toBe('cancelled');
    expect(await store.recordAttempt('stalled', attempt, undefined)).toBe(false);
  },

  'withdraws a suppressed lead again that a stalled server may have delivered': async (open) => {
    const { store, leadId } = await withdrawable(open());
    await claim(store, 'stalled', { lease: 0 });
    await store.addSuppressions([operatorEntry(person.mobile)]);
    await store.suppressLeads([person.mobile]);
    await claimed(store);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await stateOf(store, leadId)).toBe('suppressed');
    const { requestedAt = 0 } = (await store.withdrawalOf(leadId)) ?? {};
    await vi.waitUntil(() => Date.now() > requestedAt);
    expect(await record(store, 'stalled', leadId, 'unavailable')).toBe(false);
    expect(await record(store, 'stalled', leadId, 'unknown')).toBe(true);
    const [withdrawal] = await claimed(store);
    expect(withdrawal).toMatchObject({ id: leadId, cause: 'objection' });
    expect(withdrawal?.lastUnknownAt).toEqual(expect.any(Number));
  },

  'leaves a withdrawal to servers with a dialler until it is overdue': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    const terms = { claim: 'none', limit: 10, lease: hour };
    expect(await store.claimWithdrawals({ ...terms, minOverdue: hour })).toEqual([]);
    const { requestedAt = 0 } = (await store.withdrawalOf(leadId)) ?? {};
    await vi.waitUntil(() => Date.now() > requestedAt + 1);
    expect(await store.claimWithdrawals({ ...terms, minOverdue: 1 })).toMatchObject([{ id: leadId }]);
  },

  'documents the request and the result of a withdrawal in the evidence, once, which outlasts the lead':
    async (open) => {
      const { store, leadId } = await withdrawable(open());
      await deliverDue(store);
      const before = Date.now();
      await store.addSuppressions([operatorEntry(person.mobile)]);
      await store.suppressLeads([person.mobile]);
      await claimed(store);
      await recordWithdrawal(store, leadId, 'unavailable');
      await store.resolveWithdrawal(leadId, true);
      const common = { lead_id: leadId, partner: 'first', type: person.type, cause: 'objection' };
      const found = await documented(store);
      expect(found).toMatchObject([
        { ...common, outcome: 'requested' },
        { ...common, outcome: 'failed', response: 'unavailable once', attempts: 1 },
        { ...common, outcome: 'withdrawn', response: 'an operator has removed the lead' },
      ]);
      for (const { happenedAt } of found as { happenedAt: number }[]) {
        expect(happenedAt).toBeGreaterThanOrEqual(before);
      }
    },

  'documents that a withdrawal was too late, and the result of one that a partner requested': async (
    open,
  ) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    await claimed(store);
    await recordWithdrawal(store, leadId, 'too-late');
    expect(await documented(store)).toMatchObject([
      { lead_id: leadId, cause: 'cancellation', outcome: 'too-late', response: 'too-late once' },
    ]);
  },

  'withdraws a dialled lead, and lets the person be added again': async (open) => {
    const { store, first, from, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    expect(await cancelIt()).toEqual({ outcome: 'withdrawing', leadId, isReplay: false });
    expect(await store.nextWithdrawalAt()).toBeLessThanOrEqual(Date.now());
    const [withdrawal] = await claimed(store);
    expect(withdrawal).toMatchObject({
      ...person,
      id: leadId,
      cause: 'cancellation',
      attemptNumber: 1,
      deliveryResponse: 'delivered once',
      lastUnknownAt: null,
    });
    expect(withdrawal?.dialledAt).toEqual(expect.any(Number));
    expect(await stateOf(store, leadId)).toBe('dialled');
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect((await leadsIn(store))[0]).toMatchObject({ state: 'cancelled', dialledAt: null });
    expect(await store.withdrawalOf(leadId)).toMatchObject({
      outcome: 'withdrawn',
      response: 'withdrawn once',
    });
    expect(await store.leadStatus({ partnerId: first.id, leadId })).toMatchObject({
      withdrawal: 'withdrawn',
    });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await store.nextWithdrawalAt()).toBeUndefined();
  },

  'withdraws nothing if the type does not': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await store.setWithdraws(person.type, false);
    await deliverDue(store);
    expect(await cancelIt()).toEqual({ outcome: 'already-processed', isReplay: false });
    expect(await store.withdrawalOf(leadId)).toBeUndefined();
    expect(await Array.fromAsync(store.types())).toMatchObject([{ withdraws: false }]);
  },

  'cancels a lead that the dialler cannot have, whatever its type does': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    expect(await cancelIt()).toEqual({ outcome: 'cancelled', isReplay: false });
    expect(await store.withdrawalOf(leadId)).toBeUndefined();
  },

  'stores the cancellation and its outcome': async (open) => {
    const { store, first, leadId } = await withdrawable(open());
    await deliverDue(store);
    const cancellation = { id: 'a'.repeat(20), partnerId: first.id, ...person };
    await cancel(store, cancellation);
    const stored = () => Array.fromAsync(store.cancellations(person.mobile));
    expect(await stored()).toMatchObject([{ outcome: 'already-processed', leadId }]);
    expect(await store.settleCancellation(cancellation, leadId, undefined)).toBe('already-processed');
    await claimed(store);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await store.settleCancellation(cancellation, leadId, undefined)).toBe('cancelled');
    expect(await stored()).toMatchObject([{ outcome: 'cancelled', leadId }]);
  },

  'keeps the first response under the idempotency key, and none before': async (open) => {
    const { store, first, leadId } = await withdrawable(open());
    await deliverDue(store);
    const cancellation = { id: 'a'.repeat(20), partnerId: first.id, ...person };
    const send = () => cancel(store, cancellation, { key: 'k', fingerprint: 'f' });
    const repeat = () => cancel(store, { partnerId: first.id, ...person }, { key: 'k', fingerprint: 'f' });
    expect(await send()).toEqual({ outcome: 'withdrawing', leadId, isReplay: false });
    expect(await repeat()).toEqual({ outcome: 'withdrawing', leadId, isReplay: true });
    const settle = () => store.settleCancellation(cancellation, leadId, 'k');
    expect(await settle()).toBe('already-processed');
    await claimed(store);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await settle()).toBe('already-processed');
    expect(await repeat()).toEqual({ outcome: 'already-processed', isReplay: true });
    const other = cancel(store, { partnerId: first.id, ...person }, { key: 'k', fingerprint: 'other' });
    expect(await other).toEqual({ outcome: 'idempotency-key-reused' });
  },

  'settles the response of two servers at once in the same way': async (open) => {
    const { store, first, leadId } = await withdrawable(open());
    await deliverDue(store);
    const cancellation = { id: 'a'.repeat(20), partnerId: first.id, ...person };
    await cancel(store, cancellation, { key: 'k', fingerprint: 'f' });
    await claimed(store);
    const settle = () => store.settleCancellation(cancellation, leadId, 'k');
    const [one, other] = await Promise.all([
      settle(),
      settle(),
      recordWithdrawal(store, leadId, 'withdrawn'),
    ]);
    expect(one).toBe(other);
    expect(await settle()).toBe(one);
  },

  'continues an open withdrawal if the lead is cancelled again, and only then': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    await claimed(store);
    expect(await cancelIt()).toMatchObject({ outcome: 'withdrawing', leadId });
    expect(await claimed(store, 'other')).toEqual([]);
    await recordWithdrawal(store, leadId, 'too-late');
    expect(await stateOf(store, leadId)).toBe('dialled');
    expect(await cancelIt()).toEqual({ outcome: 'already-processed', isReplay: false });
    expect(await store.endedWithdrawals([leadId, 'other'])).toEqual(new Map([[leadId, 'too-late']]));
  },

  'withdraws a lead in flight once its attempt has ended, and never sends it again': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await claim(store, 'dispatcher', { lease: hour });
    expect(await cancelIt()).toMatchObject({ outcome: 'withdrawing', leadId });
    expect(await stateOf(store, leadId)).toBe('withdrawing');
    expect(await claimed(store)).toEqual([]);
    expect(await store.nextWithdrawalAt()).toBeLessThan(Date.now() + hour / 2);
    await record(store, 'dispatcher', leadId, 'delivered');
    expect(await stateOf(store, leadId)).toBe('dialled');
    expect(await claimed(store)).toMatchObject([{ id: leadId }]);
  },

  'cancels a lead in flight that was not delivered': async (open) => {
    for (const outcome of ['unavailable', 'rejected'] as const) {
      const { store, leadId, first, from, cancelIt } = await withdrawable(open());
      await claim(store, 'dispatcher', { lease: hour });
      await cancelIt();
      await record(store, 'dispatcher', leadId, outcome, Date.now());
      expect(await claim(store, 'other')).toEqual([]);
      const onEnd = vi.fn();
      store.onWithdrawal(onEnd);
      expect(await claimed(store)).toEqual([]);
      expect(onEnd).toHaveBeenCalled();
      expect(await stateOf(store, leadId)).toBe('cancelled');
      expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome: 'withdrawn', attempts: 0 });
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    }
  },

  'cancels a lead whose attempt had not started': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await claim(store, 'dispatcher', { lease: hour });
    await cancelIt();
    expect(await store.renewLease('dispatcher', [leadId], hour)).toEqual([]);
    await claimed(store);
    expect(await stateOf(store, leadId)).toBe('cancelled');
  },

  'cancels a lead that its dispatcher releases unsent': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await claim(store, 'dispatcher', { lease: hour });
    await cancelIt();
    await store.releaseLeads('dispatcher', [leadId], Date.now());
    await claimed(store);
    expect(await stateOf(store, leadId)).toBe('cancelled');
  },

  'withdraws a lead that may have arrived, and makes it undecided if that fails': async (open) => {
    const { store, leadId, first, from, cancelIt } = await withdrawable(open());
    await claim(store, 'dispatcher', { lease: hour });
    await cancelIt();
    await record(store, 'dispatcher', leadId, 'unknown', Date.now());
    expect(await claim(store, 'other')).toEqual([]);
    const [withdrawal] = await claimed(store);
    expect(withdrawal).toMatchObject({ id: leadId, dialledAt: null, lastUnknownAt: expect.any(Number) });
    await recordWithdrawal(store, leadId, 'unavailable');
    expect((await leadsIn(store))[0]).toMatchObject({ state: 'failed', isUndecided: true });
    expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome: 'failed' });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    expect(await cancelIt()).toMatchObject({ outcome: 'withdrawing' });
    expect(await claimed(store)).toMatchObject([{ attemptNumber: 1 }]);
    await recordWithdrawal(store, leadId, 'too-late');
    expect((await leadsIn(store))[0]).toMatchObject({ state: 'dialled', dialledAt: expect.any(Number) });
  },

  'withdraws a lead whose dispatcher was killed once its lease has ended': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await claim(store, 'killed', { lease: 1 });
    await cancelIt();
    await vi.waitFor(async () =>
      expect(await claimed(store)).toMatchObject([{ id: leadId, dialledAt: null }]),
    );
    const attempts = await Array.fromAsync(store.attempts(person.mobile));
    expect(attempts).toMatchObject([{ outcome: 'unknown' }]);
    expect(await stateOf(store, leadId)).toBe('withdrawing');
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await stateOf(store, leadId)).toBe('cancelled');
  },

  'retries after the delay, and only the claim that holds a withdrawal can delay it': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    await claimed(store);
    const nextAttemptAt = Date.now() + hour;
    await recordWithdrawal(store, leadId, 'unknown', { name: 'other', nextAttemptAt: 0 });
    expect(await claimed(store, 'other')).toEqual([]);
    await recordWithdrawal(store, leadId, 'unknown', { nextAttemptAt });
    await recordWithdrawal(store, leadId, 'unknown', { nextAttemptAt: 0 });
    expect(await store.nextWithdrawalAt()).toBe(nextAttemptAt);
    expect(await claimed(store)).toEqual([]);
    expect(await store.withdrawalOf(leadId)).toMatchObject({ nextAttemptAt, attempts: 1, outcome: null });
  },

  'claims a withdrawal again once its lease has ended, or it is released': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    expect(await claimed(store, 'killed', 1)).toHaveLength(1);
    await vi.waitFor(async () => expect(await claimed(store)).toMatchObject([{ attemptNumber: 2 }]));
    await store.releaseWithdrawals('killed', [leadId], 0);
    expect(await claimed(store, 'other')).toEqual([]);
    await store.releaseWithdrawals('withdrawer', [leadId], 0);
    expect(await claimed(store, 'other')).toMatchObject([{ attemptNumber: 2 }]);
    // The dialler has confirmed it, so it counts under any claim.
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await stateOf(store, leadId)).toBe('cancelled');
  },

  'claims each withdrawal once if several servers claim at once': async (open) => {
    const { store, first, from } = await withdrawable(open());
    for (let digit = 0; digit < 5; digit += 1)
      await store.submit(from(first.id, { mobile: `+44784025883${digit}` }));
    await deliverDue(store);
    for (let digit = 0; digit < 5; digit += 1) {
      await cancel(store, { partnerId: first.id, type: 'motor', mobile: `+44784025883${digit}` });
    }
    const all = (await Promise.all([claimed(store, 'one'), claimed(store, 'other')])).flat();
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const rest = await claimed(store, 'third');
    expect(all.length + rest.length).toBe(5);
  },

  'waits while delivery is paused, unless the dialler is not needed': async (open) => {
    const { store, leadId, first, from, cancelIt } = await withdrawable(open());
    const mobile = '+447840258824';
    await deliverDue(store);
    await store.submit(from(first.id, { mobile }));
    const [undelivered] = await claim(store, 'dispatcher');
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    await cancelIt();
    expect(await store.nextWithdrawalAt()).toBeUndefined();
    await cancel(store, { partnerId: first.id, type: 'motor', mobile });
    await record(store, 'dispatcher', undelivered?.id ?? '', 'unavailable', Date.now());
    expect(await claimed(store)).toEqual([]);
    expect(await stateOf(store, undelivered?.id ?? '')).toBe('cancelled');
    await store.resumeDelivery('motor');
    expect(await claimed(store)).toMatchObject([{ id: leadId }]);
  },

  'does not wait for an operator to resume delivery after an objection': async (open) => {
    const { store, leadId } = await withdrawable(open());
    await deliverDue(store);
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await store.nextWithdrawalAt()).toBeLessThanOrEqual(Date.now());
    expect(await claimed(store)).toMatchObject([{ id: leadId, cause: 'objection' }]);
  },

  'does not wait for an operator to resume delivery before an erasure': async (open) => {
    const { store, leadId } = await withdrawable(open());
    await deliverDue(store);
    await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'maintenance' });
    await store.stopDelivery({ mobile: person.mobile, otherSubmissions: [] }, true);
    expect(await claimed(store)).toMatchObject([{ id: leadId, cause: 'erasure' }]);
  },

  'waits after an objection while the dialler has paused delivery': async (open) => {
    const { store, leadId } = await withdrawable(open());
    await deliverDue(store);
    await store.pauseDelivery({ type: 'motor', by: 'dialler', reason: 'wrong password' });
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await store.nextWithdrawalAt()).toBeUndefined();
    expect(await claimed(store)).toEqual([]);
    await store.resumeDelivery('motor');
    expect(await claimed(store)).toMatchObject([{ id: leadId }]);
  },

  'never withdraws a later lead of the person': async (open) => {
    const { store, leadId, first, from, cancelIt } = await withdrawable(open(), 0);
    await deliverDue(store);
    await cancelIt();
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await claimed(store)).toEqual([]);
    expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome: 'too-late' });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
  },

  'keeps an accepted later lead if an earlier one is withdrawn': async (open) => {
    const { store, leadId, first, from, cancelIt } = await withdrawable(open(), 0);
    await deliverDue(store);
    await cancelIt();
    await claimed(store);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'cancelled']);
    expect(await claim(store, 'dispatcher')).toHaveLength(1);
  },

  'lists open and failed withdrawals, those with one outcome, and those of a person': async (open) => {
    const { store, first, from } = await withdrawable(open());
    const outcomes = ['withdrawn', 'too-late', 'unavailable', undefined] as const;
    const mobileOf = (index: number) => `+44784025884${index}`;
    for (const index of outcomes.keys()) await store.submit(from(first.id, { mobile: mobileOf(index) }));
    await deliverDue(store);
    for (const [index, outcome] of outcomes.entries()) {
      await cancel(store, { partnerId: first.id, type: 'motor', mobile: mobileOf(index) });
      if (outcome === undefined) continue;
      const [withdrawal] = await claimed(store);
      await recordWithdrawal(store, withdrawal?.id ?? '', outcome);
    }
    const list = async (filter: Parameters<Store['withdrawals']>[0]) =>
      (await Array.fromAsync(store.withdrawals(filter, 10))).map(({ mobile }) => mobile);
    expect(await list({})).toEqual([mobileOf(3), mobileOf(2)]);
    expect(await list({ state: 'open' })).toEqual([mobileOf(3)]);
    expect(await store.withdrawalStats()).toMatchObject({
      open: 1,
      openSince: expect.any(Number),
      failed: 1,
    });
    for (const [index, state] of (['withdrawn', 'too-late', 'failed'] as const).entries()) {
      expect(await list({ state })).toEqual([mobileOf(index)]);
    }
    expect(await list({ mobile: mobileOf(1) })).toEqual([mobileOf(1)]);
  },

  'withdraws a lead for an operator, if its type does or the operator insists': async (open) => {
    const { store, leadId } = await withdrawable(open());
    await deliverDue(store);
    await store.setWithdraws(person.type, false);
    await expect(store.cancelLead(leadId)).rejects.toThrow('--withdraw');
    await expect(store.checkCancellable(leadId)).rejects.toThrow('--withdraw');
    await store.checkCancellable(leadId, true);
    expect(await store.cancelLead(leadId, true)).toMatchObject({ isWithdrawing: true });
    await store.setWithdraws(person.type, true);
    expect(await store.cancelLead(leadId)).toMatchObject({ isWithdrawing: true });
    await claimed(store);
    await recordWithdrawal(store, leadId, 'too-late');
    await expect(store.cancelLead(leadId)).rejects.toThrow('too late');
    const actions = await Array.fromAsync(store.leadActions(person.mobile));
    expect(actions.map(({ action }) => action)).toEqual(['withdrawal-requested', 'withdrawal-requested']);
  },

  'makes a withdrawal that waits for a retry due after the dialler has recovered, unless it has failed often':
    async (open) => {
      const { store, leadId, cancelIt } = await withdrawable(open());
      await deliverDue(store);
      await cancelIt();
      for (let attempts = 1; attempts <= maxHastenedAttempts + 1; attempts += 1) {
        expect(await store.hastenWithdrawals()).toBe(attempts > 1 ? 1 : 0);
        expect(await claimed(store)).toHaveLength(1);
        expect(await store.hastenWithdrawals()).toBe(0);
        await recordWithdrawal(store, leadId, 'unavailable', { nextAttemptAt: Date.now() + hour });
      }
      expect(await store.hastenWithdrawals()).toBe(0);
      expect(await claimed(store)).toEqual([]);
    },

  'lets an operator retry a withdrawal that is open or has failed': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await expect(store.retryWithdrawal(leadId)).rejects.toThrow('has no withdrawal');
    await deliverDue(store);
    await cancelIt();
    for (const nextAttemptAt of [Date.now() + hour, undefined]) {
      await claimed(store);
      const next = nextAttemptAt === undefined ? {} : { nextAttemptAt };
      await recordWithdrawal(store, leadId, 'unavailable', next);
      expect(await claimed(store)).toEqual([]);
      await store.retryWithdrawal(leadId);
      expect(await store.withdrawalOf(leadId)).toMatchObject({ attempts: 0, outcome: null });
    }
    expect(await claimed(store)).toMatchObject([{ attemptNumber: 1 }]);
    await recordWithdrawal(store, leadId, 'withdrawn');
    await expect(store.retryWithdrawal(leadId)).rejects.toThrow('has ended');
  },

  'lets an operator end a withdrawal that is open or has failed': async (open) => {
    for (const [wasWithdrawn, state, outcome] of [
      [true, 'cancelled', 'withdrawn'],
      [false, 'dialled', 'too-late'],
    ] as const) {
      for (const hasFailed of [true, false]) {
        const { store, leadId, cancelIt } = await withdrawable(open());
        await expect(store.resolveWithdrawal(leadId, wasWithdrawn)).rejects.toThrow('has no withdrawal');
        await deliverDue(store, 'unknown');
        await cancelIt();
        await claimed(store);
        if (hasFailed) await recordWithdrawal(store, leadId, 'unknown');
        await store.resolveWithdrawal(leadId, wasWithdrawn);
        expect(await stateOf(store, leadId)).toBe(state);
        expect(await store.withdrawalOf(leadId)).toMatchObject({ outcome });
        await expect(store.resolveWithdrawal(leadId, wasWithdrawn)).rejects.toThrow('has ended');
      }
    }
  },

  'lets an operator resolve whether a lead that is being withdrawn was delivered': async (open) => {
    for (const wasDelivered of [true, false]) {
      const { store, leadId, cancelIt } = await withdrawable(open());
      await claim(store, 'dispatcher', { lease: hour });
      await cancelIt();
      await expect(store.resolveLead(leadId, wasDelivered)).rejects.toThrow('in flight');
      await expect(store.resolveWithdrawal(leadId, true)).rejects.toThrow('in flight');
      await record(store, 'dispatcher', leadId, 'unknown', Date.now());
      expect(await store.resolveLead(leadId, wasDelivered)).toBe('withdrawing');
      expect(await stateOf(store, leadId)).toBe(wasDelivered ? 'dialled' : 'cancelled');
      expect(await claimed(store)).toHaveLength(wasDelivered ? 1 : 0);
    }
  },

  'cancels a lead whose withdrawal has failed if it was not delivered': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store, 'unknown');
    await cancelIt();
    await claimed(store);
    await recordWithdrawal(store, leadId, 'unavailable');
    expect(await store.resolveLead(leadId, false)).toBe('withdrawing');
    expect(await stateOf(store, leadId)).toBe('cancelled');
    expect(await store.withdrawalStats()).toEqual({ open: 0, openSince: undefined, failed: 0 });
  },

  'sends a lead whose withdrawal has failed again only if an operator insists': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store, 'unknown');
    await cancelIt();
    await expect(store.retryLead(leadId, { isForced: true })).rejects.toThrow('withdrawing');
    await claimed(store);
    await recordWithdrawal(store, leadId, 'unavailable');
    await expect(store.retryLead(leadId)).rejects.toThrow('cancel');
    await store.retryLead(leadId, { isForced: true });
    expect(await store.withdrawalStats()).toMatchObject({ open: 0, failed: 0 });
    expect(await claim(store, 'dispatcher')).toMatchObject([{ id: leadId }]);
  },

  'prunes a withdrawal with its lead, but not before it is carried out': async (open) => {
    const { store, leadId, cancelIt } = await withdrawable(open());
    await deliverDue(store);
    await cancelIt();
    expect(await store.prune(afterAllRows, '')).toMatchObject({ submissions: 0, cancellations: 0 });
    await claimed(store);
    await recordWithdrawal(store, leadId, 'withdrawn');
    expect(await store.prune(afterAllRows, '')).toMatchObject({
      submissions: 1,
      cancellations: 1,
      leads: 1,
    });
    expect(await store.rows(tableNamed('withdrawal'), undefined, 10)).toEqual([]);
  },
};
