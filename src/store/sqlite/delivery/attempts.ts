import type { DatabaseSync } from 'node:sqlite';
import type { Attempt } from '../../delivery.ts';
import { unlessExpired } from '../../sql/due-lead.ts';
import { nextEndedOrder } from '../../sql/lead-order.ts';
import { isUndecided } from '../../sql/lead-state.ts';
import { Query } from '../query.ts';

/** Prepares the statement that inserts an attempt, unless it is recorded already (see `Delivery.recordAttempt`). */
export function insertAttemptQuery(database: DatabaseSync): Query {
  return new Query(
    database,
    `INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response, basis)
     SELECT id, ?2, ?3, ?4, ?5, ?6 FROM lead WHERE id = ?1 AND NOT EXISTS (
       SELECT 1 FROM attempt WHERE lead_id = ?1 AND started_at = ?2 AND ended_at = ?3 AND outcome = ?4)`,
  );
}

/**
 * Returns a function that records an attempt and changes its lead's state. If the dialler has the lead, or may have it,
 * and the lead's state does not change, the function records nothing and returns false (see `lateAttemptRecorder`).
 * Runs in the caller's transaction.
 */
export function attemptRecorder(
  database: DatabaseSync,
): (claim: string, attempt: Attempt, nextAttemptAt: number | undefined) => boolean {
  const insertAttempt = insertAttemptQuery(database);
  const markDialled = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = ?, claim = NULL
     WHERE id = ? AND (state = 'scheduled' OR state = 'held' OR state = 'withdrawing' OR ${isUndecided})`,
  );
  const scheduleNext = new Query(
    database,
    `UPDATE lead SET claim = NULL, next_attempt_at = ${unlessExpired('?5')}, may_have_arrived = (may_have_arrived AND NOT ?1) OR ?2
     WHERE id = ?3 AND claim = ?4 AND state = 'scheduled'`,
  );
  const markFailed = new Query(
    database,
    `UPDATE lead SET state = 'failed', claim = NULL, may_have_arrived = (may_have_arrived AND NOT ?1) OR ?2,
       ended_order = iif((may_have_arrived AND NOT ?1) OR ?2, 0, ${nextEndedOrder})
     WHERE id = ?3 AND claim = ?4 AND state = 'scheduled'`,
  );

  const endWithdrawing = new Query(
    database,
    `UPDATE lead SET claim = NULL, may_have_arrived = (may_have_arrived AND NOT ?1) OR ?2
     WHERE id = ?3 AND claim = ?4 AND state = 'withdrawing'`,
  );

  function changeState(
    claim: string,
    { leadId, outcome, wasAbsent, endedAt }: Attempt,
    nextAttemptAt: number | undefined,
  ): boolean {
    if (outcome === 'delivered') return markDialled.run(endedAt, leadId) > 0;
    const terms = [Number(wasAbsent === true), Number(outcome === 'unknown'), leadId, claim] as const;
    const changed =
      outcome === 'rejected' || nextAttemptAt === undefined
        ? markFailed.run(...terms)
        : scheduleNext.run(...terms, nextAttemptAt);
    return changed > 0 || endWithdrawing.run(...terms) > 0;
  }

  return (claim, attempt, nextAttemptAt) => {
    const { leadId, startedAt, endedAt, outcome, response, basis = null } = attempt;
    const isChanged = changeState(claim, attempt, nextAttemptAt);
    if (!isChanged && (outcome === 'delivered' || outcome === 'unknown')) return false;
    insertAttempt.run(leadId, startedAt, endedAt, outcome, response, basis);
    return true;
  };
}
