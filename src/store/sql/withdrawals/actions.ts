import type { LeadState } from '../../../leads/lead.ts';
import type { WithdrawalOutcome } from '../../../leads/withdrawal.ts';
import { userErrors } from '../../user-errors.ts';
import { type Change, firstRow, run } from '../database.ts';
import { recordAction } from '../lead-actions.ts';
import { statement } from '../statement.ts';
import { withdrawLeads } from './begin.ts';
import { endTooLate, endWithdrawn } from './end.ts';
import { recordWithdrawalEvidence } from './evidence.ts';

interface WithdrawalToResolve {
  state: LeadState;
  isInFlight: boolean;
  hasWithdrawal: boolean;
  outcome: WithdrawalOutcome | null;
}

const withdrawalToResolve = statement<WithdrawalToResolve>(
  'withdrawal_to_resolve',
  ({ lock }) => `
    SELECT lead.state, lead.state = 'withdrawing' AND lead.claim IS NOT NULL AS "isInFlight",
      EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id) AS "hasWithdrawal",
      (SELECT withdrawal.outcome FROM withdrawal WHERE withdrawal.lead_id = lead.id) AS outcome
    FROM lead WHERE lead.id = $1 ${lock('lead')}`,
  { isInFlight: true, hasWithdrawal: true },
);

const restartWithdrawal = statement(
  'restart_withdrawal',
  ({ claimableUntil }) => `
    UPDATE withdrawal SET next_attempt_at = ${claimableUntil('$2')}, attempts = 0
    WHERE lead_id = $1 AND outcome IS NULL AND claim IS NULL`,
);

/** The lead of a failed withdrawal has ended already if it was to be removed once more, or had arrived late. */
const reopenOfEnded = statement<{ leadId: string }>(
  'reopen_withdrawal_of_ended_lead',
  ({ claimableUntil }) => `
    UPDATE withdrawal SET next_attempt_at = ${claimableUntil('$2')}, attempts = 0, requested_at = $2, outcome = NULL, ended_at = NULL
    WHERE lead_id = $1 AND outcome = 'failed' AND EXISTS (
      SELECT 1 FROM lead WHERE lead.id = $1 AND state IN ('cancelled', 'suppressed'))
    RETURNING lead_id AS "leadId"`,
);

/** Begins a withdrawal again (see `OperatorActions.retryWithdrawal`). */
export function* retryWithdrawal(id: string): Change<void> {
  const lead = yield* openOrFailed(id, 'retried');
  if (lead.outcome === null) yield* run(restartWithdrawal, id, Date.now());
  else if ((yield* run(reopenOfEnded, id, Date.now())).length > 0) yield* recordWithdrawalEvidence(id);
  // The cause of a withdrawal after an objection is kept.
  else if (!(yield* withdrawLeads([id], 'cancellation')).includes(id))
    throw userErrors.notWithdrawable(id, lead.state);
  yield* recordAction(id, 'withdrawal-requested', { state: lead.state });
}

/** Locks a lead whose withdrawal is open or has failed. @throws {UserError} if it is neither */
function* openOrFailed(id: string, action: 'resolved' | 'retried'): Change<WithdrawalToResolve> {
  const lead = yield* firstRow(withdrawalToResolve, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (!lead.hasWithdrawal) throw userErrors.noWithdrawal(id);
  if (lead.outcome !== null && lead.outcome !== 'failed')
    throw userErrors.withdrawalEnded(id, lead.outcome, action);
  return lead;
}

/** Ends a withdrawal by hand (see `OperatorActions.resolveWithdrawal`). */
export function* resolveWithdrawal(id: string, wasWithdrawn: boolean): Change<void> {
  const lead = yield* openOrFailed(id, 'resolved');
  if (lead.isInFlight) throw userErrors.inFlight(id, 'resolved');
  const now = Date.now();
  if (wasWithdrawn) yield* endWithdrawn(id, now, 'an operator has removed the lead');
  else yield* endTooLate(id, now, 'an operator has recorded that it was too late');
  const action = wasWithdrawn ? 'resolved-withdrawn' : 'resolved-too-late';
  yield* recordAction(id, action, { state: lead.state });
}
