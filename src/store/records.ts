import type { CallResult } from '../leads/call-result.ts';
import type { CancellationOrder } from '../leads/cancellation.ts';
import type { CancellationOutcome, LeadState, SubmissionOutcome } from '../leads/lead.ts';
import type { LeadAction } from '../leads/lead-action.ts';
import type { WaitCause } from '../leads/wait-cause.ts';
import type { Attempt } from './delivery.ts';

/** A lead, as operators see it. */
export interface LeadRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  state: LeadState;
  acceptedAt: number;
  dueAt: number;
  /** When it is too late to call; null: never. */
  expiresAt: number | null;
  /** From 0 to 9. */
  priority: number;
  /** Earliest time of the next attempt; null: it is not scheduled, or an attempt is in flight. */
  nextAttemptAt: number | null;
  /** What it waits for until then; null: nothing but that time. */
  waitsFor: WaitCause | null;
  /** When it was delivered to the dialler; null unless its state is `dialled`. */
  dialledAt: number | null;
  /** When it was cancelled or suppressed; null unless its state is `cancelled` or `suppressed`. */
  cancelledAt: number | null;
  /** Whether it failed and the dialler may have it: the person is not accepted again until an operator resolves it. */
  isUndecided: boolean;
  /**
   * Whether the dialler may have it: an attempt ended as `unknown`, or it was restored from a backup after its due
   * time.
   */
  mayHaveArrived: boolean;
  /** Number of attempts since it was accepted, or retried by an operator. */
  attempts: number;
  /** From when an attempt in flight may have run; null: none is in flight. */
  inFlightSince: number | null;
  /** When the lease of an attempt in flight ends, or has ended; null: none is in flight. */
  leaseEndsAt: number | null;
  /** Response of the last attempt; null: none has ended. */
  lastResponse: string | null;
  /** Result of its latest call with one; null: none was reported. */
  result: CallResult | null;
  /** When that call was made; null: none was reported. */
  resultAt: number | null;
  submissionId: string;
}

/** A stored request to add a lead. */
export interface SubmissionRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  receivedAt: number;
  /** Id of the key that it was sent with; null: unknown. */
  keyId: string | null;
  outcome: SubmissionOutcome;
  /** The lead that it created, or the lead that prevented it. */
  leadId: string | null;
  /** Request body as sent: JSON text. */
  content: string;
  /** Re-runs of it, oldest first. */
  reruns: RerunRecord[];
}

/** A re-run of a submission. */
export interface RerunRecord {
  rerunAt: number;
  outcome: SubmissionOutcome;
  leadId: string | null;
}

/** A stored request to cancel. */
export interface CancellationRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  receivedAt: number;
  /** Id of the key that it was sent with; null: unknown. */
  keyId: string | null;
  outcome: CancellationOutcome;
  /** The lead that it cancelled, or the lead that could no longer be cancelled. */
  leadId: string | null;
  /** Request body as sent: JSON text. */
  content: string;
}

/** A stored cancellation of the same person and type, in relation to a submission. */
export interface RelatedCancellation
  extends Omit<CancellationRecord, 'mobile' | 'keyId' | 'content'>,
    CancellationOrder {}

/** An action of an operator on a lead. */
export interface LeadActionRecord {
  leadId: string;
  action: LeadAction;
  actedAt: number;
}

/** Restricts a list of leads. A missing member does not restrict it. */
export interface LeadFilter {
  state?: LeadState;
  /** Only failed leads that the dialler may have. */
  isUndecided?: true;
  /** Only scheduled leads whose last attempt failed, and whose next one is later. */
  isWaitingForRetry?: true;
  /** Only leads with this result. */
  result?: CallResult;
  type?: string;
  partner?: string;
  mobile?: string;
}

/** Restricts a list of submissions. A missing member does not restrict it. */
export interface SubmissionFilter {
  /** Outcome of the last run. */
  outcome?: SubmissionOutcome;
  mobile?: string;
}

/** Lists for operators. */
export interface Records {
  /** Lists leads, newest first. @throws {UserError} if the type or the partner does not exist */
  leads(filter: LeadFilter, limit: number): AsyncIterable<LeadRecord>;
  /** Lists submissions, newest first. */
  submissions(filter: SubmissionFilter, limit: number): AsyncIterable<SubmissionRecord>;
  /** Lists all attempts to deliver a person's leads, oldest first. */
  attempts(mobile: string): AsyncIterable<Attempt>;
  /** Lists all actions of operators on a person's leads, oldest first. */
  leadActions(mobile: string): AsyncIterable<LeadActionRecord>;
  /** Lists all cancellations for a person, newest first. */
  cancellations(mobile: string): AsyncIterable<CancellationRecord>;
  /**
   * Returns the mobile number of the person whose lead, submission or cancellation has this id; undefined: there is
   * none.
   */
  mobileOf(id: string): Promise<string | undefined>;
  /**
   * Returns the mobile numbers of the submissions with this e-mail address, in any case, oldest first. Reads all
   * submissions: an index of addresses would slow down every add.
   */
  mobilesOfEmail(email: string): Promise<string[]>;
}
