import type { WithdrawalCause } from '../../../leads/withdrawal.ts';
import { type Change, run } from '../database.ts';
import { isWithdrawable } from '../lead-state.ts';
import { statement } from '../statement.ts';
import { recordWithdrawalEvidence } from './evidence.ts';

/**
 * The end of a statement that inserts withdrawals: an open one continues, a failed one begins again. It returns the
 * leads whose withdrawal is open.
 */
export const orContinueWithdrawal = `
  ON CONFLICT (lead_id) DO UPDATE SET
    cause = CASE WHEN excluded.cause = 'cancellation' THEN withdrawal.cause ELSE excluded.cause END,
    requested_at = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.requested_at ELSE excluded.requested_at END,
    next_attempt_at = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.next_attempt_at ELSE excluded.next_attempt_at END,
    attempts = CASE WHEN withdrawal.outcome IS NULL THEN withdrawal.attempts ELSE 0 END,
    ended_at = NULL, outcome = NULL, repeat_at = NULL
  WHERE withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed'
  RETURNING lead_id AS "leadId"`;

/** State of a lead once its withdrawal has begun. The dialler certainly has one that is dialled. */
export const withdrawingState = `CASE lead.state WHEN 'dialled' THEN 'dialled' ELSE 'withdrawing' END`;

const beginWithdrawing = statement(
  'begin_withdrawing',
  ({ inList }) => `
    UPDATE lead SET state = ${withdrawingState} WHERE id ${inList('$1')} AND ${isWithdrawable('lead')}`,
);

const insertWithdrawals = statement<{ leadId: string }>(
  'insert_withdrawals',
  ({ inList, claimableUntil }) => `
    INSERT INTO withdrawal (lead_id, cause, requested_at, next_attempt_at)
    SELECT id, $2, $3, ${claimableUntil('$3')} FROM lead
    WHERE id ${inList('$1')} AND state IN ('dialled', 'withdrawing')
    ORDER BY id ${orContinueWithdrawal}`,
);

const openWithdrawals = statement<{ leadId: string }>(
  'open_withdrawals_among',
  ({ inList }) =>
    `SELECT lead_id AS "leadId" FROM withdrawal WHERE lead_id ${inList('$1')} AND outcome IS NULL`,
);

/** Returns the ids of those leads whose withdrawal is open. */
function* openAmong(leadIds: readonly string[]): Change<ReadonlySet<string>> {
  return new Set((yield* run(openWithdrawals, leadIds)).map(({ leadId }) => leadId));
}

/**
 * Begins to withdraw leads that the dialler has, or may have: no attempt to deliver one of them starts any more. Emit
 * `WithdrawalEvents` afterwards. Other leads are left out, and so are those whose withdrawal was too late.
 *
 * @returns ids of the leads whose withdrawal is open
 */
export function* withdrawLeads(leadIds: readonly string[], cause: WithdrawalCause): Change<string[]> {
  yield* run(beginWithdrawing, leadIds);
  const continued = yield* openAmong(leadIds);
  const open = yield* run(insertWithdrawals, leadIds, cause, Date.now());
  for (const { leadId } of open) if (!continued.has(leadId)) yield* recordWithdrawalEvidence(leadId);
  return open.map(({ leadId }) => leadId);
}
