import type { Cancellation } from '../leads/cancellation.ts';
import type { CancellationOutcome } from '../leads/lead.ts';
import type { WithdrawalAttemptOutcome, WithdrawalCause, WithdrawalOutcome } from '../leads/withdrawal.ts';
import type { DueLead } from './delivery.ts';

/** A lead to be withdrawn from the dialler. Until the lease ends, only the owner of the claim may do so. */
export interface ClaimedWithdrawal extends DueLead {
  /** Number of the attempt to withdraw it, starting at 1. */
  attemptNumber: number;
  cause: WithdrawalCause;
  /** Whether the lead was withdrawn before, and is removed once more. */
  isRepeat: boolean;
  /** When it was requested (ms since 1970). */
  requestedAt: number;
  /** When the lead was delivered (ms since 1970); null: it is unknown whether the dialler has it. */
  dialledAt: number | null;
  /**
   * What the dialler responded when the lead was delivered, such as its id there: the response of the last attempt with
   * the outcome `delivered`; null: there was none, such as if an operator has resolved the lead.
   */
  deliveryResponse: string | null;
  /** When the last attempt to deliver it with an unknown outcome ended (ms since 1970); null: there was none. */
  lastUnknownAt: number | null;
}

/** An attempt to withdraw a lead. */
export interface WithdrawalAttempt {
  leadId: string;
  /** Milliseconds since 1970. */
  endedAt: number;
  outcome: WithdrawalAttemptOutcome;
  /** What the dialler responded, without personal data or secrets. */
  response: string;
}

/** A withdrawal, as operators see it. */
export interface WithdrawalRecord {
  leadId: string;
  partner: string;
  type: string;
  mobile: string;
  cause: WithdrawalCause;
  requestedAt: number;
  /** Number of attempts at the dialler since it was requested. */
  attempts: number;
  /**
   * Earliest time of the next attempt; null: it has ended, or waits for the end of an attempt to deliver or to withdraw
   * the lead.
   */
  nextAttemptAt: number | null;
  /** Null: it has not ended. */
  outcome: WithdrawalOutcome | null;
  endedAt: number | null;
  /** What the dialler last responded; null: there was no attempt. */
  response: string | null;
}

/** Restricts a list of withdrawals. */
export interface WithdrawalFilter {
  /** `open`: those without an outcome. Undefined: those that are open or have failed. */
  state?: 'open' | WithdrawalOutcome;
  mobile?: string;
}

/** Terms of a claim of withdrawals. */
export interface WithdrawalClaimTerms {
  /** Unique id of the claim. */
  claim: string;
  /** Maximum number of withdrawals. */
  limit: number;
  /** Time for which no other claim can include them (ms). */
  lease: number;
  /**
   * Time for which a withdrawal or its repeat must have been due before it is claimed (ms), so that a server with a
   * dialler claims it first. Undefined: 0. Those that need no dialler end at once.
   */
  minOverdue?: number;
}

/** Numbers of withdrawals that have not succeeded. */
export interface WithdrawalStats {
  open: number;
  /** When the first of them was requested (ms since 1970); undefined: there are none. */
  openSince: number | undefined;
  /** Number of those that have failed: an operator must remove their leads at the dialler. */
  failed: number;
}

/** Withdrawals of leads that the dialler has, or may have. */
export interface Withdrawals {
  /**
   * Claims withdrawals that are due and whose type's delivery is not paused, the longest due first. Only a pause that
   * the dialler or its configuration has caused delays those after an objection or erasure. A withdrawal of a lead
   * whose attempt is in flight starts once that has ended. If the lead was not delivered, or the person was added again
   * meanwhile, the withdrawal ends without the dialler, and is not part of the claim. A withdrawn lead is claimed once
   * more if that was wanted, unless the person has another active lead by then.
   */
  claimWithdrawals(terms: WithdrawalClaimTerms): Promise<ClaimedWithdrawal[]>;
  /**
   * Returns the earliest time at which a withdrawal may be claimed (ms since 1970), which is soon for one that waits
   * for the end of an attempt in flight. Undefined: none is open, or all are paused.
   */
  nextWithdrawalAt(): Promise<number | undefined>;
  /**
   * Records an attempt. If the lead was withdrawn, it is `cancelled`, or `suppressed` if the person objects. An outcome
   * that ends the withdrawal also counts if another claim holds it; any other only if the claim still holds it.
   * Recording the same attempt again has no effect. A repeat changes the outcome only if it was too late, or failed.
   *
   * @param nextAttemptAt time of the next attempt after `unavailable` or `unknown`; undefined: none, so that the
   *   withdrawal has failed. After `withdrawn`: when the lead is removed once more; undefined: not again
   */
  recordWithdrawal(
    claim: string,
    attempt: WithdrawalAttempt,
    nextAttemptAt: number | undefined,
  ): Promise<void>;
  /**
   * Makes the withdrawals that wait for a retry due now, because the dialler works again. Leaves out those that have
   * failed often: the cause may be the lead, and attempts must be left. Returns their number.
   */
  hastenWithdrawals(): Promise<number>;
  /**
   * Releases withdrawals that a claim still holds and that were not sent: their attempts do not count.
   *
   * @param notBefore earliest time of the next claim (ms since 1970)
   */
  releaseWithdrawals(claim: string, leadIds: readonly string[], notBefore: number): Promise<void>;
  /**
   * Subscribes to withdrawals that begin or end. A store may not notice those of other processes, so also poll.
   *
   * @returns a function that unsubscribes
   */
  onWithdrawal(listener: () => void): () => void;
  /**
   * Decides how a cancellation whose lead is being withdrawn is responded to: `cancelled` only if the dialler has
   * confirmed the withdrawal by now. An idempotency record keeps the first decision, whichever server made it.
   *
   * @param cancellation the cancellation, or one that repeats it under its idempotency key
   */
  settleCancellation(
    cancellation: Pick<Cancellation, 'id' | 'partnerId'>,
    leadId: string,
    idempotencyKey: string | undefined,
  ): Promise<Extract<CancellationOutcome, 'cancelled' | 'already-processed'>>;
  /** Returns the outcomes of those of the withdrawals that have ended. */
  endedWithdrawals(leadIds: readonly string[]): Promise<ReadonlyMap<string, WithdrawalOutcome>>;
  /** Counts the withdrawals that have not succeeded. */
  withdrawalStats(): Promise<WithdrawalStats>;
  /** Returns the withdrawal of a lead. Undefined: there is none. */
  withdrawalOf(leadId: string): Promise<WithdrawalRecord | undefined>;
  /** Lists withdrawals, the latest first. */
  withdrawals(filter: WithdrawalFilter, limit: number): AsyncIterable<WithdrawalRecord>;
}
