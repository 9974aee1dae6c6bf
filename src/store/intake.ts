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
   * Stores submissions of one partner, and the leads of those that are accepted, as `submit` does in their order, all
   * in one transaction: if it fails, nothing is stored. With an idempotency key, the response is stored in the same
   * commit, and replayed when the request is repeated.
   *
   * @throws {StoreUnavailable}
   */
  submitAll(
    submissions: readonly Submission[],
    partnerId: number,
    idempotency?: BulkIdempotency,
  ): Promise<BulkResult>;
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

/** Identifies a request with several submissions that a partner may send again. */
export interface BulkIdempotency extends Idempotency {
  /** Serialises the response. May be called more than once. @param results those of the submissions */
  responseTo(results: readonly SubmissionResult[]): string;
}

/** Outcome of several submissions. */
export type BulkResult =
  /** The results of the submissions, in their order. */
  | { outcome: 'saved'; results: readonly SubmissionResult[] }
  /** Nothing was changed. @property response that of the first request, as `responseTo` returned it */
  | { outcome: 'replayed'; response: string }
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

/** The outcome of several submissions in their idempotency record, whose response has the outcome of each. */
export const bulkOutcome = 'processed';

/**
 * Returns the result of a request with several submissions whose idempotency key has a record.
 *
 * @param fingerprint that of the request
 */
export function replayOf(
  record: { fingerprint: string; response: string | null },
  fingerprint: string | undefined,
): BulkResult {
  if (record.fingerprint !== fingerprint || record.response === null)
    return { outcome: 'idempotency-key-reused' };
  return { outcome: 'replayed', response: record.response };
}
