/** Random withdrawals of leads from the dialler. */
import fc from 'fast-check';
import type { WithdrawalAttemptOutcome } from '../../../src/leads/withdrawal.ts';
import type { WithdrawalFilter } from '../../../src/store/withdrawals.ts';
import { at, call, hour, index, limit, maybe, minute, mobile, nothing, partner, type } from './call.ts';
import type { Subject } from './subject.ts';

const outcome = fc.constantFrom<WithdrawalAttemptOutcome>('withdrawn', 'too-late', 'unavailable', 'unknown');

/** Claims withdrawals that are due. */
async function claimWithdrawals(subject: Subject, given: { limit: number; lease: number }) {
  const claim = `claim ${subject.next()}`;
  const withdrawals = await subject.store.claimWithdrawals({ ...given, claim });
  const leadIds = withdrawals.map(({ id }) => id);
  if (leadIds.length > 0) subject.withdrawalClaims.push({ claim, leadIds });
  return withdrawals;
}

const terms = fc.record({ limit, lease: fc.constantFrom(1, minute, hour) });
const filter: fc.Arbitrary<WithdrawalFilter> = fc.record(
  { state: fc.constantFrom('open', 'withdrawn', 'too-late', 'failed'), mobile },
  { requiredKeys: [] },
);

export const withdrawals = [
  {
    weight: 3,
    arbitrary: call('setWithdraws', { type, withdraws: fc.boolean() }, ({ store }, given) =>
      store.setWithdraws(given.type, given.withdraws),
    ),
  },
  {
    weight: 6,
    arbitrary: call('claimWithdrawals', { terms }, (subject, given) =>
      claimWithdrawals(subject, given.terms),
    ),
  },
  {
    weight: 6,
    arbitrary: call(
      'recordWithdrawal',
      { claim: index, lead: index, outcome, next: maybe(fc.constantFrom(0, minute, hour)) },
      async (subject, given) => {
        const { claim, leadIds } = at(subject.withdrawalClaims, given.claim) ?? {
          claim: 'none',
          leadIds: [],
        };
        const leadId = at(leadIds, given.lead) ?? 'nothing';
        const endedAt = Date.now();
        const attempt = { leadId, endedAt, outcome: given.outcome, response: given.outcome };
        const nextAttemptAt = given.next === undefined ? undefined : endedAt + given.next;
        await subject.store.recordWithdrawal(claim, attempt, nextAttemptAt);
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call('releaseWithdrawals', { claim: index }, async (subject, given) => {
      const { claim, leadIds } = at(subject.withdrawalClaims, given.claim) ?? { claim: 'none', leadIds: [] };
      await subject.store.releaseWithdrawals(claim, leadIds, Date.now());
    }),
  },
  {
    weight: 4,
    arbitrary: call(
      'settleCancellation',
      { partner, index, sent: index, key: maybe(fc.constantFrom('one', 'two')) },
      (subject, given) => {
        const leadId = at(
          subject.withdrawalClaims.flatMap(({ leadIds }) => leadIds),
          given.index,
        );
        const id = at(subject.sentIds, given.sent);
        if (leadId === undefined || id === undefined) return nothing();
        const cancellation = { id, partnerId: subject.partnerId(given.partner) };
        return subject.store.settleCancellation(cancellation, leadId, given.key);
      },
    ),
  },
  {
    weight: 2,
    arbitrary: call('resolveWithdrawal', { index, wasWithdrawn: fc.boolean() }, async (subject, given) =>
      subject.store.resolveWithdrawal(at(subject.leadIds(), given.index) ?? 'nothing', given.wasWithdrawn),
    ),
  },
  {
    weight: 2,
    arbitrary: call('retryWithdrawal', { index }, (subject, given) =>
      subject.store.retryWithdrawal(at(subject.leadIds(), given.index) ?? 'nothing'),
    ),
  },
  { weight: 1, arbitrary: call('hastenWithdrawals', {}, ({ store }) => store.hastenWithdrawals()) },
  { weight: 1, arbitrary: call('withdrawalStats', {}, ({ store }) => store.withdrawalStats()) },
  { weight: 1, arbitrary: call('nextWithdrawalAt', {}, ({ store }) => store.nextWithdrawalAt()) },
  {
    weight: 2,
    arbitrary: call('withdrawals', { filter, limit }, ({ store }, given) =>
      Array.fromAsync(store.withdrawals(given.filter, given.limit)),
    ),
  },
  {
    weight: 1,
    arbitrary: call('withdrawalOf', { index }, async (subject, given) => {
      const leadId = at(subject.leadIds(), given.index) ?? 'nothing';
      const ended = await subject.store.endedWithdrawals([leadId]);
      return { withdrawal: await subject.store.withdrawalOf(leadId), ended: ended.get(leadId) };
    }),
  },
];
