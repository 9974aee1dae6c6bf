import type { Cancellation } from '../leads/cancellation.ts';
import type { Idempotency } from '../leads/idempotency.ts';
import type { CancellationOutcome, LeadStatus, LeadStatusRequest, SubmissionOutcome } from '../leads/lead.ts';
import type { Submission } from '../leads/submission.ts';
import type { RejectedKey } from '../partners/key-state.ts';
import type { KeyHolder } from '../partners/partner.ts';

/** Requests of partners. The promise of a write resolves once the write is committed and synced. */
export interface Intake {
  /**
   * Returns the holder of the key with this digest, or that the key is rejected because it is revoked or expired, or
   * its partner is suspended or deleted. Undefined: the key is unknown. Called for each request, so a store that can
   * look it up synchronously returns no promise.
   */
  keyHolder(
    digest: string,
  ): KeyHolder | RejectedKey | undefined | Promise<KeyHolder | RejectedKey | undefined>;
  /** Returns whether the partner can add leads of the type: it is granted to the partner, and not retired. */
  isGranted(partnerId: number, type: string): Promise<boolean>;
  /**
   * Stores a submission, and its lead if it is accepted. With an idempotency key, the result is stored in the same
   * commit, and replayed when the request is repeated.
   *
   * @throws {StoreUnavailable}
   */
  submit(submission: Submission, idempotency?: Idempotency): Promise<SubmissionResult>;
  /**
   * Cancels the partner's latest lead for the person and type, unless it is or may be at the dialler: if its type
   * withdraws leads, its withdrawal begins. The cancellation is stored in the same commit, regardless of its outcome.
   * The idempotency key works as for `submit`.
   *
   * @throws {StoreUnavailable}
   */
  cancel(cancellation: Cancellation, idempotency?: Idempotency): Promise<CancellationResult>;
  /**
   * Returns the status of a partner's lead: the one with the id, or the latest one for a person and type, which is the
   * active one, or else the one that ended last, in the order of the store. Undefined: there is none, or the type was
   * never granted to the partner.
   */
  leadStatus(request: LeadStatusRequest): Promise<LeadStatus | undefined>;
}

/** Outcome of a submission, with the lead that it created. */
export type SubmissionResult =
  | { outcome: 'accepted'; leadId: string; dueAt: number; isReplay: boolean }
  | { outcome: Exclude<SubmissionOutcome, 'accepted'>; isReplay: boolean }
  | IdempotencyKeyReused;

/** Outcome of a request to cancel. */
export type CancellationResult =
  | { outcome: CancellationOutcome; isReplay: boolean }
  | WithdrawalBegun
  | IdempotencyKeyReused;

/**
 * The lead is being withdrawn from the dialler. Until `Withdrawals.settleCancellation`, the cancellation is stored as
 * `already-processed`, and its idempotency record has no outcome.
 */
export interface WithdrawalBegun {
  outcome: 'withdrawing';
  leadId: string;
  isReplay: boolean;
}

/** The idempotency key belongs to another request, and nothing was changed. */
export interface IdempotencyKeyReused {
  outcome: 'idempotency-key-reused';
}
