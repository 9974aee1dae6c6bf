import type { PersonDigests } from '../keys/person-digests.ts';
import type { LeadInFlight, LeadNumber, SuppressedLeads } from '../suppressions.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { recordActions } from './lead-actions.ts';
import { endedOrder, latestFirst, nextEndedOrder } from './lead-order.ts';
import { isWithdrawable } from './lead-state.ts';
import { digestsExist, searchNumbers } from './person-digests.ts';
import { statement } from './statement.ts';
import { withdrawLeads } from './withdrawals/begin.ts';

/** Condition: whether the person of `lead` is in the do-not-call list. */
export const isSuppressed = `EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.mobile = lead.mobile AND suppression.type_id IN (0, lead.type_id))`;

const suppressScheduled = statement<{ id: string }>(
  'suppress_leads',
  ({ inList }) => `
    UPDATE lead SET state = 'suppressed', cancelled_at = $2,
      ended_order = ${endedOrder}
    WHERE lead.mobile ${inList('$1')} AND lead.state IN ('scheduled', 'held') AND lead.claim IS NULL
      AND NOT lead.may_have_arrived AND ${isSuppressed}
    RETURNING id`,
);

const withdrawableLeads = statement<{ id: string }>(
  'withdrawable_leads',
  ({ inList, lock }) => `
    SELECT lead.id FROM lead
    WHERE lead.mobile ${inList('$1')} AND ${isWithdrawable('lead')} AND ${isSuppressed}
    ORDER BY lead.id ${lock('lead')}`,
);

/** The leads that were sent with one of the numbers as their other phone number. */
const withdrawableByOther = statement<{ id: string }>(
  'withdrawable_by_other',
  ({ inList, inQuery, lock }) => `
    SELECT lead.id FROM lead
    WHERE lead.id ${inQuery(`SELECT lead_id FROM sent_other_phone WHERE mobile ${inList('$1')}`)}
      AND ${isWithdrawable('lead')} AND EXISTS (
        SELECT 1 FROM sent_other_phone JOIN suppression ON suppression.mobile = sent_other_phone.mobile
        WHERE sent_other_phone.lead_id = lead.id AND suppression.type_id IN (0, lead.type_id))
    ORDER BY lead.id ${lock('lead')}`,
);

/**
 * Suppresses the leads of numbers in the list that the dialler cannot have, and begins to withdraw those that it has,
 * or may have, under either phone number.
 */
export function* suppressLeads(mobiles: readonly string[]): Change<SuppressedLeads> {
  const leads = (yield* run(suppressScheduled, mobiles, Date.now())).map(({ id }) => id);
  const byMobile = yield* run(withdrawableLeads, mobiles);
  const byOther = yield* run(withdrawableByOther, mobiles);
  const found = [...new Set([...byMobile, ...byOther].map(({ id }) => id))];
  return { leads, withdrawals: found.length === 0 ? [] : yield* withdrawLeads(found, 'objection') };
}

/** Whether a claimed lead that is not sent ends: the dialler cannot have it. */
const endsNow = `state = 'scheduled' AND NOT may_have_arrived`;

const suppressClaimedLeads = statement<{ id: string; state: 'suppressed' | 'scheduled' | 'withdrawing' }>(
  'suppress_claimed',
  ({ inList }) => `
    UPDATE lead SET claim = NULL, attempts = attempts - 1,
      state = CASE WHEN ${endsNow} THEN 'suppressed' ELSE state END,
      cancelled_at = CASE WHEN ${endsNow} THEN $3 ELSE cancelled_at END,
      ended_order = CASE WHEN ${endsNow} THEN ${nextEndedOrder} ELSE ended_order END
    WHERE id ${inList('$2')} AND claim = $1 AND state IN ('scheduled', 'withdrawing') RETURNING id, state`,
);

/** Ends claimed leads that are not sent (see `Suppressions.suppressClaimed`). */
export function* suppressClaimed(claim: string, leadIds: readonly string[]): Change<SuppressedLeads> {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  const ended = yield* run(suppressClaimedLeads, claim, leadIds, Date.now());
  const idsIn = (state: string) => ended.filter((lead) => lead.state === state).map(({ id }) => id);
  const begun = yield* withdrawLeads(idsIn('scheduled'), 'objection');
  return { leads: idsIn('suppressed'), withdrawals: [...begun, ...idsIn('withdrawing')] };
}

/**
 * SQLite does not reorder a CROSS JOIN: it searches each number once, not for each lead. Also returns a row without a
 * lead if the store contains digests.
 */
const suppressedAmong = statement<{ leadId: string | null; mobile: string | null }>(
  'suppressed_numbers',
  ({ inList }) => `
    SELECT DISTINCT lead.id AS "leadId", suppression.mobile
    FROM suppression CROSS JOIN lead
    WHERE suppression.mobile ${inList('$2')} AND lead.id ${inList('$1')}
      AND (suppression.type_id = 0 OR suppression.type_id = lead.type_id)
    UNION ALL SELECT NULL, NULL WHERE ${digestsExist}`,
);

/** Returns the numbers that are not called for a lead (see `Suppressions.suppressedNumbers`). */
export async function suppressedNumbers(
  database: SqlDatabase,
  digests: PersonDigests,
  leadIds: readonly string[],
  numbers: readonly string[],
): Promise<LeadNumber[]> {
  if (leadIds.length === 0) return [];
  return searchNumbers(digests, numbers, (mobiles) => database.read(suppressedAmong, leadIds, mobiles));
}

/** Maximum number of leads that are searched for those in flight. */
const maxSearched = 10_000;

/** Time by which the clock of PostgreSQL, from which leases count, may differ from that of this process (ms). */
const maxClockDifference = 60_000;

/** Maximum lease (ms): that of the longest `DIALLER_MAX_RUNTIME`, and more than that of any attempt. */
const maxLease = 86_400_000 + 3_600_000;

/** By the index of scheduled leads: the leases of claimed leads end in the near future. */
const claimedLeads = statement<LeadInFlight & { claim: string | null }>(
  'leads_in_flight',
  ({ inQuery }) => `
    SELECT found.id, found.claim, found.mobile, CASE WHEN found.claim IS NOT NULL THEN submission.content END AS content
    FROM (
      SELECT id, claim, mobile, submission_id FROM lead
      WHERE state = 'scheduled' AND type_id ${inQuery('SELECT id FROM lead_type')}
        AND next_attempt_at BETWEEN $1 AND $2
      LIMIT $3) AS found
    LEFT JOIN submission ON submission.id = found.submission_id AND found.claim IS NOT NULL`,
);

/** The leads of open withdrawals whose attempt may be in flight. */
const withdrawingLeads = statement<LeadInFlight>(
  'withdrawing_in_flight',
  ({ inQuery }) => `SELECT lead.id, lead.claim, lead.mobile, submission.content
   FROM lead JOIN submission ON submission.id = lead.submission_id
   WHERE lead.id ${inQuery('SELECT lead_id FROM withdrawal WHERE outcome IS NULL')}
     AND lead.state = 'withdrawing' AND lead.claim IS NOT NULL`,
);

/** Lists the leads that claims hold (see `Suppressions.leadsInFlight`). */
export async function leadsInFlight(database: SqlDatabase): Promise<LeadInFlight[] | undefined> {
  const now = Date.now();
  const found = await database.read(
    claimedLeads,
    now - maxClockDifference,
    now + maxLease + maxClockDifference,
    maxSearched,
  );
  if (found.length === maxSearched) return undefined;
  return [...found.filter(({ claim }) => claim !== null), ...(await database.read(withdrawingLeads))];
}

/** The leads of a person that became suppressed since a time, if nothing prevents their call any more. */
const restoreSuppressed = statement<{ id: string }>(
  'restore_suppressed',
  ({ records }) => `
    UPDATE lead SET state = 'scheduled', cancelled_at = NULL, ended_order = 0
    WHERE lead.id IN (
        SELECT lead.id FROM ${records('$1', { mobile: 'text', since: 'bigint' })}
        JOIN lead ON lead.mobile = sent.mobile
        WHERE lead.state = 'suppressed' AND lead.cancelled_at >= sent.since AND NOT lead.may_have_arrived
          AND lead.dialled_at IS NULL)
      AND NOT ${isSuppressed}
      AND lead.id = (
        SELECT latest.id FROM lead AS latest
        WHERE latest.mobile = lead.mobile AND latest.type_id = lead.type_id
        ORDER BY ${latestFirst.replaceAll('lead.', 'latest.')} LIMIT 1)
    RETURNING id`,
);

/** Schedules the leads of removed entries again. @param entries with the time since when each was in force */
export function* restoreLeads(entries: readonly { mobile: string; since: number }[]): Change<string[]> {
  const restored = (yield* run(restoreSuppressed, JSON.stringify(entries))).map(({ id }) => id);
  yield* recordActions(restored, 'unsuppressed');
  return restored;
}
