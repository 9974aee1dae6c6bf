import type { LeadState, Readdition } from '../leads/lead.ts';
import type { RelatedCancellation, RerunRecord } from './records.ts';
import type { RemainingLeads } from './remaining-leads.ts';

/** Result of re-running a submission, with every stored cancellation of its person and type, oldest first. */
export interface RerunResult extends RerunRecord {
  cancellations: RelatedCancellation[];
}

/** What a retry overrides. */
export interface RetryOptions {
  /** Whether it overrides a cancellation that the lead's partner sent after the lead. */
  isForced?: boolean;
  /** Whether it also sends a scheduled lead that is not due yet. */
  isEarly?: boolean;
}

/** What an operator should know about a lead that was retried. */
export interface RetryResult {
  /** Whether the dialler may have it already. It is delivered under the same id. */
  mayHaveArrived: boolean;
  /** Every stored cancellation of its person and type, oldest first. */
  cancellations: RelatedCancellation[];
}

/** A lead that an operator has cancelled, with whether its person can be added again. */
export interface CancelledLead extends Readdition {
  /** Whether it is being withdrawn from the dialler, and not cancelled yet. */
  isWithdrawing: boolean;
}

/** State of a lead that an operator resolves. */
export type ResolvedState = Extract<LeadState, 'failed' | 'held' | 'scheduled' | 'withdrawing'>;

/** Operators' actions on submissions and leads. Those on a lead are recorded in the same transaction. */
export interface OperatorActions extends RemainingLeads {
  /**
   * Re-runs a stored submission and keeps both outcomes.
   *
   * @param isForced whether it overrides a later cancellation by the same partner
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such submission, or it is too late to call the person (`expires_at`)
   */
  rerunSubmission(submissionId: string, isForced?: boolean): Promise<RerunResult>;
  /**
   * Schedules a failed, dismissed, suppressed or scheduled lead for now, with the full retry schedule.
   *
   * @throws {CancelledLater} if the lead's partner sent a cancellation after the lead, and it is not overridden
   * @throws {UserError} if there is no such lead, it is neither failed, dismissed, suppressed nor scheduled, an attempt is
   *   in flight, it is due later, it is too late to call the person (`expires_at`), the person is in the do-not-call
   *   list, the person and type have a later lead, or its submission was pruned
   */
  retryLead(leadId: string, options?: RetryOptions): Promise<RetryResult>;
  /**
   * Schedules a held lead again. Its due time does not change.
   *
   * @param isForced whether it overrides a cancellation that the lead's partner sent after the lead
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such lead, it is not held, or its person is in the do-not-call list
   */
  releaseLead(leadId: string, isForced?: boolean): Promise<RetryResult>;
  /**
   * Records whether the dialler has a lead: a failed lead that it may have, a held one, or a scheduled one, whose
   * person it has under another id after a restore.
   *
   * - Delivered: it is dialled. A failed lead is dialled as of its last attempt; any other as of now, because the time
   *   of its delivery is unknown.
   * - Not delivered: a failed lead is no longer active, so that the person can be added again. A held lead stays held,
   *   and the dialler cannot have it; it can still be recorded as delivered.
   *
   * A lead whose withdrawal is open, or has failed, is cancelled if it was not delivered, or suppressed if the person
   * objects.
   *
   * @returns the state of the lead before; `withdrawing` also if its withdrawal had failed and it was not delivered
   * @throws {UserError} if there is no such lead, it is neither undecided, held, withdrawing nor scheduled, an attempt is in flight,
   *   or it is scheduled and was not delivered
   */
  resolveLead(leadId: string, wasDelivered: boolean): Promise<ResolvedState>;
  /**
   * Cancels a lead that the dialler cannot have, as `Intake.cancel` does. If the dialler has it, or may have it, and
   * its type withdraws leads, begins to withdraw it.
   *
   * @param withdrawsAny whether it also withdraws a lead whose type does not
   * @throws {UserError} if there is no such lead, it has ended otherwise, or it would have to be withdrawn and its type
   *   does not allow it, or that was too late
   */
  cancelLead(leadId: string, withdrawsAny?: boolean): Promise<CancelledLead>;
  /** Checks that `cancelLead` would succeed now, and changes nothing. @throws {UserError} as `cancelLead` does */
  checkCancellable(leadId: string, withdrawsAny?: boolean): Promise<void>;
  /**
   * Ends an open or failed withdrawal by hand: the lead is no longer at the dialler, or it was called nevertheless.
   *
   * @throws {UserError} if there is no such lead, it has no such withdrawal, or an attempt to deliver it is in flight
   */
  resolveWithdrawal(leadId: string, wasWithdrawn: boolean): Promise<void>;
  /**
   * Makes an open withdrawal due now, and begins a failed one again, both with the full retry schedule. An attempt in
   * flight continues.
   *
   * @throws {UserError} if there is no such lead, it has no such withdrawal, or its state no longer allows it
   */
  retryWithdrawal(leadId: string): Promise<void>;
  /**
   * Marks a failed lead as dismissed: it will not be retried, and is pruned when it is old. Returns whether the person
   * can be added again.
   *
   * @throws {UserError} if there is no such lead, it has not failed, or it is undecided
   */
  dismissLead(leadId: string): Promise<Readdition>;
}
