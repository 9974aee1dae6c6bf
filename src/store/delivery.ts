import type { AttemptOutcome } from '../leads/attempt.ts';
import type { WaitCause } from '../leads/wait-cause.ts';

/** A lead that is due, with what a dialler needs. */
export interface DueLead {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  acceptedAt: number;
  dueAt: number;
  /** When it is too late to call (ms since 1970); null: never. */
  expiresAt: number | null;
  /** From 0 to 9. */
  priority: number;
  /** Request body as sent: JSON text. */
  content: string;
}

/** A due lead. Until the lease ends, only the owner of the claim may deliver it. */
export interface ClaimedLead extends DueLead {
  /** Number of the attempt, starting at 1. */
  attemptNumber: number;
  /** Whether the dialler may have the lead from an earlier attempt with an unknown outcome. */
  mayHaveArrived: boolean;
  /**
   * When the last attempt with an unknown outcome ended (ms since 1970); null: there was none. An interrupted attempt
   * does not count: its lease has lasted long enough for the dialler to finish.
   */
  lastUnknownAt: number | null;
  /** Trace of the request that created the lead (W3C Trace Context, `traceparent`); null without tracing. */
  trace: string | null;
}

/** Terms of a claim. */
export interface ClaimTerms {
  /** Unique id of the claim. */
  claim: string;
  /** Maximum number of leads. */
  limit: number;
  /** Time for which no other claim can include the leads (ms). */
  lease: number;
  /** Names of lead types whose leads are left out; undefined: none. */
  exceptTypes?: readonly string[];
}

/** An attempt to deliver a lead to the dialler. */
export interface Attempt {
  leadId: string;
  startedAt: number;
  endedAt: number;
  outcome: AttemptOutcome;
  /** What the dialler responded, without personal data or secrets. */
  response: string;
  /**
   * Whether the dialler certainly did not have the lead before this attempt, although earlier ones had an unknown
   * outcome. Only of an attempt that is recorded; undefined: it may have had the lead.
   */
  wasAbsent?: boolean;
  /**
   * On what basis it was permitted, as JSON, such as the person's local time and the calling hours. Undefined: unknown.
   */
  basis?: string;
}

/** Delivery of due leads to the dialler. */
export interface Delivery {
  /**
   * Lists the leads that can be claimed now: those with a priority first, the highest one first, and then in the order
   * in which they became claimable.
   */
  dueLeads(limit: number): AsyncIterable<DueLead>;
  /**
   * Returns the earliest time at which a lead can be claimed: the earliest due time, retry or end of a lease of all
   * scheduled leads whose delivery is not paused. Undefined: there is none.
   */
  nextAttemptAt(): Promise<number | undefined>;
  /**
   * Subscribes to changes that may make a lead due earlier. A store may not notice changes by other processes, so also
   * poll `nextAttemptAt`.
   *
   * @returns a function that unsubscribes
   */
  onChange(listener: () => void): () => void;
  /**
   * Claims due leads whose delivery is not paused, in the order of `dueLeads`. Until the lease ends, no other claim can
   * include them. They can no longer be cancelled.
   */
  claimDue(terms: ClaimTerms): Promise<ClaimedLead[]>;
  /**
   * Renews the lease of the leads that a claim still holds and that were not sent, even if the lease has ended, unless
   * their person is in the do-not-call list. Those that are being withdrawn meanwhile are released, and must not be
   * sent.
   *
   * @param lease milliseconds from now
   * @returns ids of the leads whose lease was renewed; the others are cancelled, delivered, or held by another claim, or
   *   their person objected
   */
  renewLease(claim: string, leadIds: readonly string[], lease: number): Promise<string[]>;
  /**
   * Releases leads that a claim still holds and that were not sent: their attempts do not count.
   *
   * @param notBefore earliest time of the next claim (ms since 1970), unless a lead expires before
   * @param waitsFor what they wait for until then; undefined: nothing that an operator should know
   */
  releaseLeads(
    claim: string,
    leadIds: readonly string[],
    notBefore: number,
    waitsFor?: WaitCause,
  ): Promise<void>;
  /**
   * Postpones leads that are due and that nobody has claimed, because they may not be delivered now. Others, such as
   * those whose attempt was interrupted, are not changed.
   *
   * @param notBefore earliest time of the next claim (ms since 1970), unless a lead expires before
   * @param waitsFor what they wait for until then
   */
  postponeLeads(leadIds: readonly string[], notBefore: number, waitsFor: WaitCause): Promise<void>;
  /** Returns the ids of all other leads of the person and type of a lead. */
  earlierLeads(leadId: string): Promise<string[]>;
  /**
   * Records an attempt, and updates its lead. A delivered lead is dialled, even if another claim holds it or it has
   * failed undecided. Any other outcome changes the lead only if the claim still holds it. A lead that fails stays
   * active if this or an earlier attempt may have reached the dialler; earlier ones have not if the dialler did not
   * have the lead before this one. Recording the same attempt again has no effect, so that a call whose result is
   * unknown can be repeated. If the lead was cancelled or suppressed meanwhile, and this attempt has delivered it, or
   * may have, its withdrawal is opened again.
   *
   * @param nextAttemptAt time of the next attempt after `unavailable` or `unknown`, unless the lead expires before;
   *   undefined: none
   * @returns whether a withdrawal was opened again
   */
  recordAttempt(claim: string, ended: Attempt, nextAttemptAt: number | undefined): Promise<boolean>;
}
