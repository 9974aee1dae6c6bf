import type { LeadState } from '../../leads/lead.ts';
import type { WithdrawalOutcome } from '../../leads/withdrawal.ts';
import { userErrors } from '../user-errors.ts';
import { type Change, firstRow } from './database.ts';
import { recordAction } from './lead-actions.ts';
import { statement } from './statement.ts';
import { endTooLate, endWithdrawn } from './withdrawals.ts';

const withdrawalToResolve = statement<{
  state: LeadState;
  isInFlight: boolean;
  hasWithdrawal: boolean;
  outcome: WithdrawalOutcome | null;
}>(
  'withdrawal_to_resolve',
  ({ lock }) => `
    SELECT lead.state, lead.state = 'withdrawing' AND lead.claim IS NOT NULL AS "isInFlight",
      EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.lead_id = lead.id) AS "hasWithdrawal",
      (SELECT withdrawal.outcome FROM withdrawal WHERE withdrawal.lead_id = lead.id) AS outcome
    FROM lead WHERE lead.id = $1 ${lock('lead')}`,
  { isInFlight: true, hasWithdrawal: true },
);

/** Ends a withdrawal by hand (see `OperatorActions.resolveWithdrawal`). */
export function* resolveWithdrawal(id: string, wasWithdrawn: boolean): Change<void> {
  const lead = yield* firstRow(withdrawalToResolve, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (!lead.hasWithdrawal) throw userErrors.noWithdrawal(id);
  if (lead.outcome !== null && lead.outcome !== 'failed') throw userErrors.withdrawalEnded(id, lead.outcome);
  if (lead.isInFlight) throw userErrors.inFlight(id, 'resolved');
  const now = Date.now();
  if (wasWithdrawn) yield* endWithdrawn(id, now, 'an operator has removed the lead');
  else yield* endTooLate(id, now, 'an operator has recorded that it was too late');
  const action = wasWithdrawn ? 'resolved-withdrawn' : 'resolved-too-late';
  yield* recordAction(id, action, { state: lead.state });
}
