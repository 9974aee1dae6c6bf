import { type ActiveLead, type LeadState, type Readdition, readditionOf } from '../../leads/lead.ts';
import type { WithdrawalOutcome } from '../../leads/withdrawal.ts';
import type { CancelledLead } from '../operator-actions.ts';
import { userErrors } from '../user-errors.ts';
import { type Change, firstRow, run } from './database.ts';
import { recordAction } from './lead-actions.ts';
import { endedOrder } from './lead-order.ts';
import { isCancellable, isUndecided, isWithdrawable } from './lead-state.ts';
import { statement } from './statement.ts';
import { withdrawLeads } from './withdrawals/begin.ts';

/** A lead that an operator ends. */
interface LeadToEnd {
  state: LeadState;
  isUndecided: boolean;
  isCancellable: boolean;
  isClaimed: boolean;
  isWithdrawable: boolean;
  /** Whether its type withdraws leads. */
  withdraws: boolean;
  /** Null: there is no withdrawal, or it is open. */
  withdrawalOutcome: WithdrawalOutcome | null;
}

const leadToEnd = statement<LeadToEnd>(
  'lead_to_end',
  ({ lock }) => `
    SELECT state, ${isUndecided} AS "isUndecided", ${isCancellable('lead')} AS "isCancellable",
      claim IS NOT NULL AS "isClaimed", ${isWithdrawable('lead')} AS "isWithdrawable", lead_type.withdraws,
      (SELECT withdrawal.outcome FROM withdrawal WHERE withdrawal.lead_id = lead.id) AS "withdrawalOutcome"
    FROM lead JOIN lead_type ON lead_type.id = lead.type_id WHERE lead.id = $1 ${lock('lead')}`,
  { isUndecided: true, isCancellable: true, isClaimed: true, isWithdrawable: true, withdraws: true },
);

const markCancelled = statement(
  'mark_cancelled',
  `UPDATE lead SET state = 'cancelled', cancelled_at = $1,
     ended_order = ${endedOrder}
   WHERE id = $2`,
);

/** Cancels a lead, or begins to withdraw it (see `OperatorActions.cancelLead`). */
export function* cancelLead(id: string, withdrawsAny: boolean): Change<CancelledLead> {
  const lead = yield* cancellableLead(id, withdrawsAny);
  const { state } = lead;
  if (lead.isCancellable) {
    yield* run(markCancelled, Date.now(), id);
    yield* recordAction(id, 'cancelled', { state });
  } else {
    yield* withdrawLeads([id], 'cancellation');
    yield* recordAction(id, 'withdrawal-requested', { state });
  }
  return { ...(yield* readdition(id)), isWithdrawing: !lead.isCancellable };
}

/** Checks that a lead can be cancelled or withdrawn (see `OperatorActions.checkCancellable`). */
export function* checkCancellable(id: string, withdrawsAny: boolean): Change<void> {
  yield* cancellableLead(id, withdrawsAny);
}

function* cancellableLead(id: string, withdrawsAny: boolean): Change<LeadToEnd> {
  const lead = yield* firstRow(leadToEnd, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (lead.isCancellable) return lead;
  if (lead.isWithdrawable && (lead.withdraws || withdrawsAny)) {
    if (lead.withdrawalOutcome === 'too-late') throw userErrors.withdrawnTooLate(id);
    return lead;
  }
  throw lead.isUndecided ? userErrors.undecided(id, 'cancelled') : reasonNotCancelled(id, lead);
}

function reasonNotCancelled(id: string, { state, isClaimed }: LeadToEnd): Error {
  if (state !== 'scheduled' && state !== 'held') return userErrors.notCancellable(id, state);
  if (state === 'held') return userErrors.undecided(id, 'cancelled');
  return isClaimed ? userErrors.inFlight(id, 'cancelled') : userErrors.mayHaveArrived(id);
}

const markDismissed = statement('mark_dismissed', `UPDATE lead SET state = 'dismissed' WHERE id = $1`);

/** Dismisses a lead (see `OperatorActions.dismissLead`). */
export function* dismissLead(id: string): Change<Readdition> {
  const lead = yield* firstRow(leadToEnd, id);
  if (lead === undefined) throw userErrors.noLead(id);
  if (lead.isUndecided) throw userErrors.undecided(id, 'dismissed');
  if (lead.state !== 'failed') throw userErrors.notDismissible(id, lead.state);
  yield* run(markDismissed, id);
  yield* recordAction(id, 'dismissed', { state: lead.state });
  return yield* readdition(id);
}

const activeLeadOfPerson = statement<ActiveLead & { id: string; recontactAfter: number | null }>(
  'active_lead_of_person',
  `SELECT active.id, active.state, active.dialled_at AS "dialledAt", lead_type.recontact_after AS "recontactAfter"
   FROM lead JOIN lead_type ON lead_type.id = lead.type_id
   JOIN lead AS active
     ON active.mobile = lead.mobile AND active.type_id = lead.type_id AND active.ended_order = 0
   WHERE lead.id = $1`,
);

/** Returns whether the person of a lead that has ended can be added again. */
function* readdition(id: string): Change<Readdition> {
  const active = yield* firstRow(activeLeadOfPerson, id);
  return readditionOf(active, active?.recontactAfter ?? null, Date.now());
}
