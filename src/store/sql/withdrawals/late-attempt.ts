import type { LeadState } from '../../../leads/lead.ts';
import type { WithdrawalCause } from '../../../leads/withdrawal.ts';
import type { Attempt } from '../../delivery.ts';
import { auditedByCommand } from '../audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from '../database.ts';
import { statement } from '../statement.ts';
import type { WithdrawalEvents } from './events.ts';
import { recordWithdrawalEvidence } from './evidence.ts';
import { lockLead } from './lock-lead.ts';

const insertLateAttempt = statement<{ leadId: string }>(
  'insert_late_attempt',
  `INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response, basis)
   SELECT id, $2, $3, $4, $5, $6 FROM lead WHERE id = $1 AND NOT EXISTS (
     SELECT 1 FROM attempt WHERE lead_id = $1 AND started_at = $2 AND ended_at = $3 AND outcome = $4)
   RETURNING lead_id AS "leadId"`,
);

/** A withdrawal that was requested after the attempt had ended takes it into account. */
const reopenable = statement<{ state: LeadState }>(
  'reopenable_withdrawal',
  `SELECT state FROM lead WHERE id = $1 AND state IN ('cancelled', 'suppressed')
     AND NOT EXISTS (SELECT 1 FROM withdrawal WHERE lead_id = $1 AND requested_at >= $2)`,
);

const reopenWithdrawal = statement(
  'reopen_withdrawal',
  ({ claimableUntil }) => `
    INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at) VALUES ($1, $2, $3, ${claimableUntil('$4')})
    ON CONFLICT (lead_id) DO UPDATE SET
      requested_at = excluded.requested_at, next_attempt_at = excluded.next_attempt_at, attempts = 0,
      claim = NULL, outcome = NULL, ended_at = NULL, repeat_at = NULL
    WHERE withdrawal.outcome IS NOT NULL`,
);

/**
 * Records an attempt that changes no state, and opens the withdrawal of its lead again if that was cancelled or
 * suppressed while a stalled server still delivered it. Returns whether it did. An attempt that is recorded already
 * changes nothing.
 */
function* recordLateAttempt(attempt: Attempt): Change<boolean> {
  // `leads due --take` has recorded what it does.
  yield* auditedByCommand();
  const { leadId, startedAt, endedAt, outcome, response, basis = null } = attempt;
  yield* run(lockLead, leadId);
  const inserted = yield* run(insertLateAttempt, leadId, startedAt, endedAt, outcome, response, basis);
  if (inserted.length === 0) return false;
  const lead = yield* firstRow(reopenable, leadId, endedAt);
  if (lead === undefined) return false;
  const cause: WithdrawalCause = lead.state === 'suppressed' ? 'objection' : 'cancellation';
  const now = Date.now();
  yield* run(reopenWithdrawal, leadId, cause, Math.max(now, endedAt), now);
  yield* recordWithdrawalEvidence(leadId);
  return true;
}

/**
 * Returns a function that records an attempt by which the dialler has a lead, or may have it, although the lead's state
 * does not change. If the lead was cancelled or suppressed meanwhile, its withdrawal is opened again in the same
 * transaction. The function returns whether it was.
 */
export function lateAttemptRecorder(
  database: SqlDatabase,
  events: WithdrawalEvents,
): (attempt: Attempt) => Promise<boolean> {
  return async (attempt) => {
    const isReopened = await database.change(() => recordLateAttempt(attempt));
    if (isReopened) events.emit();
    return isReopened;
  };
}
