import type { WithdrawalCause } from '../../../leads/withdrawal.ts';
import { type Change, firstRow, run } from '../database.ts';
import { endedOrder } from '../lead-order.ts';
import { isUndecided } from '../lead-state.ts';
import { statement } from '../statement.ts';
import { recordWithdrawalEvidence } from './evidence.ts';

const endAsWithdrawn = statement<{ cause: WithdrawalCause }>(
  'end_withdrawn',
  `UPDATE withdrawal SET outcome = 'withdrawn', ended_at = $2, response = $3, claim = NULL
   WHERE lead_id = $1 AND (outcome IS NULL OR outcome = 'failed') RETURNING cause`,
);

const markWithdrawn = statement(
  'mark_withdrawn',
  `UPDATE lead SET state = $1, cancelled_at = $2, dialled_at = NULL, claim = NULL,
     ended_order = ${endedOrder}
   WHERE id = $3 AND (state IN ('dialled', 'withdrawing') OR ${isUndecided})`,
);

/**
 * Ends the withdrawal of a lead that the dialler does not have, or no longer has, and ends the lead. Returns whether
 * there was an open or failed withdrawal.
 */
export function* endWithdrawn(leadId: string, endedAt: number, response: string): Change<boolean> {
  const ended = yield* firstRow(endAsWithdrawn, leadId, endedAt, response);
  if (ended === undefined) return false;
  const state = ended.cause === 'objection' ? 'suppressed' : 'cancelled';
  yield* run(markWithdrawn, state, endedAt, leadId);
  yield* recordWithdrawalEvidence(leadId);
  return true;
}

const endAsTooLate = statement<{ leadId: string }>(
  'end_withdrawal_too_late',
  `UPDATE withdrawal SET outcome = 'too-late', ended_at = $2, response = $3, claim = NULL
   WHERE lead_id = $1 AND (outcome IS NULL OR outcome = 'failed') RETURNING lead_id AS "leadId"`,
);

const markDialled = statement(
  'mark_dialled_too_late',
  `UPDATE lead SET state = 'dialled', claim = NULL, dialled_at = coalesce(
     (SELECT ended_at FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1), $1)
   WHERE id = $2 AND (state = 'withdrawing' OR ${isUndecided})`,
);

/** Ends the withdrawal of a lead that is to be called nevertheless, and does not change the lead. */
export function* abandonWithdrawal(leadId: string, endedAt: number, response: string): Change<void> {
  if ((yield* run(endAsTooLate, leadId, endedAt, response)).length > 0)
    yield* recordWithdrawalEvidence(leadId);
}

/** Ends the withdrawal of a lead that was called, or of which a later lead is called. The dialler has the lead. */
export function* endTooLate(leadId: string, endedAt: number, response: string): Change<void> {
  const ended = yield* run(endAsTooLate, leadId, endedAt, response);
  if (ended.length === 0) return;
  yield* run(markDialled, endedAt, leadId);
  yield* recordWithdrawalEvidence(leadId);
}
