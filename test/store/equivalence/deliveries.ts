/** Random calls of a dispatcher, and pauses of delivery. */
import fc from 'fast-check';
import type { AttemptOutcome } from '../../../src/leads/attempt.ts';
import type { ClaimedLead } from '../../../src/store/delivery.ts';
import type { PausedBy } from '../../../src/store/delivery-pauses.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { at, call, hour, index, limit, maybe, minute, type } from './call.ts';
import type { Subject } from './subject.ts';

const outcome = fc.constantFrom<AttemptOutcome>('delivered', 'rejected', 'unavailable', 'unknown');

/** Time until the next attempt (ms); undefined: there is none. */
const next = maybe(fc.constantFrom(0, 0, minute, hour));

const terms = fc.record({
  limit,
  lease: fc.constantFrom(1, minute, hour),
});

/** Claims due leads. */
export async function claimDue(
  subject: Subject,
  given: { limit: number; lease: number },
): Promise<ClaimedLead[]> {
  const claim = `claim ${subject.next()}`;
  const leads = await subject.store.claimDue({ ...given, claim });
  if (leads.length > 0) subject.claims.push({ claim, leadIds: leads.map(({ id }) => id) });
  return leads;
}

/** Records an attempt that ends now. @param after time until the next attempt (ms) */
async function recordAttempt(
  subject: Subject,
  claim: string,
  leadId: string,
  {
    outcome,
    next: after,
    wasAbsent = false,
  }: { outcome: AttemptOutcome; next?: number | undefined; wasAbsent?: boolean },
): Promise<void> {
  const endedAt = Date.now();
  const attempt = { leadId, startedAt: endedAt - 5, endedAt, outcome, response: outcome, wasAbsent };
  const nextAttemptAt = after === undefined ? undefined : endedAt + after;
  subject.lastAttempt = { claim, attempt, nextAttemptAt };
  await subject.store.recordAttempt(claim, attempt, nextAttemptAt);
}

/** Claims due leads and records an attempt of each. */
export async function deliver(
  subject: Subject,
  given: { limit: number; outcome: AttemptOutcome; next?: number | undefined },
): Promise<ClaimedLead[]> {
  const claimed = await claimDue(subject, { limit: given.limit, lease: hour });
  const { claim } = at(subject.claims, 0) ?? { claim: 'none' };
  for (const { id } of claimed) await recordAttempt(subject, claim, id, given);
  return claimed;
}

/** Ends the pauses of a type; undefined: the pauses of all types together. */
export async function resumeDelivery({ store }: Subject, ofType: string | undefined): Promise<unknown> {
  const ended = await store.resumeDelivery(ofType);
  // No order is promised.
  return ended.toSorted((one, other) => one.by.localeCompare(other.by));
}

export const deliveries = [
  { weight: 8, arbitrary: call('claimDue', { terms }, (subject, given) => claimDue(subject, given.terms)) },
  {
    weight: 12,
    arbitrary: call('deliver', { limit, outcome, next }, deliver),
  },
  {
    weight: 10,
    arbitrary: call(
      'recordAttempt',
      {
        claim: index,
        lead: index,
        isOwn: fc.integer({ min: 0, max: 9 }),
        outcome,
        next,
        wasAbsent: fc.boolean(),
      },
      async (subject, given) => {
        const { claim, leadIds } = at(subject.claims, given.claim) ?? { claim: 'none', leadIds: [] };
        // One in ten is for a lead that the claim may not have.
        const leadId = at(given.isOwn > 0 ? leadIds : subject.leadIds(), given.lead) ?? 'nothing';
        await recordAttempt(subject, claim, leadId, given);
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call('repeat recordAttempt', {}, async ({ store, lastAttempt }) => {
      if (lastAttempt === undefined) return;
      await store.recordAttempt(lastAttempt.claim, lastAttempt.attempt, lastAttempt.nextAttemptAt);
    }),
  },
  {
    weight: 1,
    arbitrary: call('recordOtherPhones', { index, other: index }, async (subject, given) => {
      const leadId = at(subject.leadIds(), given.index) ?? 'nothing';
      if (leadId === 'nothing') return [];
      const mobile = given.other % 2 === 0 ? mobileOf(given.other % 3) : undefined;
      return subject.store.recordOtherPhones([{ leadId, mobile }]);
    }),
  },
  {
    weight: 2,
    arbitrary: call(
      'renewLease',
      { claim: index, lease: fc.constantFrom(1, hour) },
      async (subject, given) => {
        const claim = at(subject.claims, given.claim)?.claim ?? 'none';
        const held = await subject.store.renewLease(claim, subject.leadIds(), given.lease);
        // No order is promised.
        return held.toSorted();
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call(
      'releaseLeads',
      { claim: index, lead: index, later: fc.constantFrom(0, minute) },
      async (subject, given) => {
        const { claim, leadIds } = at(subject.claims, given.claim) ?? { claim: 'none', leadIds: [] };
        const leadId = at(leadIds, given.lead) ?? 'nothing';
        await subject.store.releaseLeads(claim, [leadId], Date.now() + given.later);
      },
    ),
  },
  {
    weight: 1,
    arbitrary: call('endTooLate', { claim: index, lead: index }, (subject, given) => {
      const { claim, leadIds } = at(subject.claims, given.claim) ?? { claim: 'none', leadIds: [] };
      return subject.store.endTooLate(claim, [at(leadIds, given.lead) ?? 'nothing']);
    }),
  },
  {
    weight: 1,
    arbitrary: call('deliveryGaps', { tolerance: fc.constantFrom(0, minute) }, async ({ store }, given) => {
      await store.recordDeliverable(Date.now(), given.tolerance);
      const start = Date.now() - minute;
      await store.recordGaps([{ type: 'motor', start, end: start + given.tolerance }]);
      return store.deliveryGaps(Date.now() - hour);
    }),
  },
  {
    weight: 1,
    arbitrary: call('postponeLeads', { index, later: fc.constantFrom(0, minute) }, (subject, given) => {
      const leadId = at(subject.leadIds(), given.index) ?? 'nothing';
      return subject.store.postponeLeads([leadId], Date.now() + given.later, 'calling-hours');
    }),
  },
  {
    weight: 1,
    arbitrary: call('earlierLeads', { index }, async (subject, given) => {
      const known = subject.leadIds();
      const earlier = await subject.store.earlierLeads(at(known, given.index) ?? 'nothing');
      // No order is promised.
      return earlier.map((id) => known.indexOf(id)).toSorted();
    }),
  },
  {
    weight: 1,
    arbitrary: call('dueLeads', { limit }, ({ store }, given) =>
      Array.fromAsync(store.dueLeads(given.limit)),
    ),
  },
  { weight: 1, arbitrary: call('nextAttemptAt', {}, ({ store }) => store.nextAttemptAt()) },
  {
    weight: 1,
    arbitrary: call(
      'pauseDelivery',
      {
        type: maybe(type),
        by: fc.constantFrom<PausedBy>('operator', 'dialler'),
        reason: fc.constantFrom('one', 'other'),
        retryAfter: maybe(fc.constantFrom(0, minute)),
      },
      ({ store }, { retryAfter, ...given }) =>
        store.pauseDelivery({
          ...given,
          ...(retryAfter !== undefined && { retryAt: Date.now() + retryAfter }),
        }),
    ),
  },
  {
    weight: 1,
    arbitrary: call('endDiallerPause', { type: maybe(type) }, ({ store }, given) =>
      store.endDiallerPause(given.type),
    ),
  },
  {
    weight: 3,
    arbitrary: call('resumeDelivery', { type: maybe(type) }, (subject, given) =>
      resumeDelivery(subject, given.type),
    ),
  },
  { weight: 1, arbitrary: call('pauses', {}, ({ store }) => store.pauses()) },
  {
    weight: 1,
    arbitrary: call('deliveredAfterUnknown', { age: fc.constantFrom(0, minute) }, ({ store }, { age }) =>
      store.deliveredAfterUnknown({ after: Date.now() - hour, until: Date.now() - age }),
    ),
  },
  {
    weight: 1,
    arbitrary: call(
      'duplicatesCheckedUntil',
      { until: fc.constantFrom(1, 2) },
      async ({ store }, { until }) => {
        await store.recordDuplicatesChecked(until);
        return store.duplicatesCheckedUntil();
      },
    ),
  },
];
