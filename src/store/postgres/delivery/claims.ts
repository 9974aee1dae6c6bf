import { dueLeadColumns, dueLeadJoins, interruptedResponse } from '../../sql/due-lead.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import type { ClaimedLead, ClaimResult, ClaimTerms } from '../../store.ts';
import type { PostgresDatabase } from '../connection/database.ts';
import { isCurrent, writeStatement } from '../connection/schema-version.ts';
import { claimableLeads, now } from './due-leads.ts';

/** Number of leads examined to claim `$2`: other servers may be claiming the first ones, which are skipped. */
const maxExamined = '4 * $2::bigint';

/**
 * Claims leads: `$1` is the claim, `$2` the limit, `$3` the lease (ms), `$4` the earliest due time, `$5` the response
 * of interrupted attempts. If a lead still has a claim, its attempt was interrupted, and the dialler may have
 * the lead.
 */
const claimLeads = writeStatement(
  'claim',
  `
    WITH examined AS MATERIALIZED (${claimableLeads({ limit: maxExamined })} LIMIT ${maxExamined}), locked AS MATERIALIZED (
      SELECT id, next_attempt_at, claim, due_at < $4 AS is_too_late,
        may_have_arrived OR claim IS NOT NULL AS may_have_arrived
      FROM lead
      WHERE id = ANY (ARRAY(SELECT id FROM examined)) AND state = 'scheduled' AND next_attempt_at <= ${now}
      ORDER BY next_attempt_at, id LIMIT $2
      FOR UPDATE SKIP LOCKED
    ), interrupted AS (
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
      SELECT id, next_attempt_at, ${now}, 'unknown', $5 FROM locked WHERE claim IS NOT NULL
    ), too_late AS (
      UPDATE lead SET claim = NULL, may_have_arrived = locked.may_have_arrived,
        state = CASE WHEN locked.may_have_arrived THEN 'failed' ELSE 'expired' END,
        ended_order = CASE WHEN locked.may_have_arrived THEN 0 ELSE ${nextEndedOrder} END
      FROM locked
      WHERE lead.id = ANY (ARRAY(SELECT id FROM locked WHERE is_too_late)) AND locked.id = lead.id
      RETURNING lead.id, lead.may_have_arrived
    ), claimed AS (
      UPDATE lead SET claim = $1, next_attempt_at = ${now} + $3, attempts = lead.attempts + 1,
        may_have_arrived = locked.may_have_arrived
      FROM locked
      WHERE lead.id = ANY (ARRAY(SELECT id FROM locked WHERE NOT is_too_late)) AND locked.id = lead.id
      RETURNING lead.*, locked.next_attempt_at AS claimable_since
    )
    SELECT ${dueLeadColumns}, lead.attempts, lead.may_have_arrived AS "mayHaveArrived", lead.trace,
      lead.claimable_since, false AS "isTooLate"
    FROM claimed AS lead ${dueLeadJoins}
    WHERE ${isCurrent}
    UNION ALL
    SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, may_have_arrived, NULL, NULL, true FROM too_late
    ORDER BY claimable_since, id`,
);

/** Maximum of PostgreSQL's `integer`. Callers may ask for more. */
const maxLimit = 2 ** 31 - 1;

/** Claims due leads; ends those that are too late to call. */
export async function claimDue(
  database: PostgresDatabase,
  { claim, limit, lease, earliestDueAt }: ClaimTerms,
): Promise<ClaimResult> {
  const rows = await database.write<ClaimedLead & { claimable_since: number; isTooLate: boolean }>(
    claimLeads,
    [claim, Math.min(limit, maxLimit), lease, earliestDueAt, interruptedResponse],
  );
  const leads: ClaimedLead[] = [];
  let undecided = 0;
  for (const { claimable_since: _, isTooLate, ...lead } of rows) {
    if (!isTooLate) leads.push(lead);
    else if (lead.mayHaveArrived) undecided += 1;
  }
  return { leads, tooLate: rows.length - leads.length, undecided };
}

/** `$1` is the claim, `$2` the leads' ids, `$3` the lease (ms). */
const renew = writeStatement(
  'renew',
  `
    UPDATE lead SET next_attempt_at = ${now} + $3
    WHERE id = ANY ($2::text[]) AND claim = $1 AND state = 'scheduled' AND ${isCurrent} RETURNING id`,
);

/** Renews the lease of the leads that a claim still holds. Returns their ids. */
export async function renewLease(
  database: PostgresDatabase,
  claim: string,
  leadIds: readonly string[],
  lease: number,
): Promise<string[]> {
  const held = await database.write<{ id: string }>(renew, [claim, leadIds, lease]);
  return held.map(({ id }) => id);
}
