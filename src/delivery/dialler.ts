import type { AttemptOutcome } from '../leads/attempt.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { WithdrawalAttemptOutcome } from '../leads/withdrawal.ts';
import type { ClaimedLead, DueLead } from '../store/delivery.ts';
import type { ClaimedWithdrawal } from '../store/withdrawals.ts';

/** A system that calls people, to which due leads are delivered. */
export interface Dialler {
  /** Its name in `DIALLER`. */
  readonly name: string;
  /** Maximum number of leads in flight, even if DIALLER_CONCURRENCY is higher. Undefined: no such limit. */
  readonly maxConcurrency?: number;
  /** Limits the requests that are sent to the dialler at once. Undefined: no such limit. */
  readonly requests?: RequestLimit;
  /**
   * Time for which the dialler may still be processing an attempt after it has ended with an unknown outcome (ms). The
   * next attempt of the lead starts later. Undefined: it recognises repeats, so they can be sent at any time.
   */
  readonly maxRuntime?: number;
  /**
   * Makes one attempt to deliver a lead. Each attempt includes the lead's id, so that the dialler can recognise a
   * repeated one. If `find` has found the lead, it completes the lead instead of adding it again.
   *
   * @param signal aborts an attempt that takes too long
   */
  deliver(lead: ClaimedLead, signal: AbortSignal, context: AttemptContext): Promise<DeliveryResult>;
  /**
   * Looks for a lead in the dialler after an attempt with an unknown outcome, before the next `deliver`, and changes
   * nothing. Undefined: the dialler recognises repeats, so that nothing must be looked up.
   */
  find?(lead: DueLead, signal: AbortSignal): Promise<FindResult>;
  /**
   * Removes a lead from the dialler if nobody has called its person for it yet; after an objection or erasure, also if
   * somebody has, so that the person is not called again. It can be repeated: a lead that has already been removed is
   * withdrawn. It is called only once no attempt to deliver the lead can be running. Undefined: the dialler cannot do
   * so.
   *
   * @param signal aborts an attempt that takes too long, which then ends as `unknown`
   */
  cancel?(withdrawal: ClaimedWithdrawal, signal: AbortSignal): Promise<WithdrawalResult>;
  /**
   * Time after a withdrawal at which the lead is withdrawn once more, because the dialler may have been about to call
   * it (ms). Undefined: a withdrawn lead is certainly not called.
   */
  readonly repeatWithdrawalAfter?: number;
  /**
   * Checks the set-up of the dialler, and changes nothing. Undefined: there is nothing to check.
   *
   * @param types names of the lead types whose leads are delivered
   */
  check?(types: readonly string[], signal: AbortSignal): Promise<DiallerCheck[]>;
  /** Its lists, each of which reports results under its own URL. Undefined: the dialler signs its reports. */
  readonly lists?: readonly ResultList[];
}

/** A list of a dialler that reports the results of its calls. */
export interface ResultList {
  /** Its id. */
  list: string;
  /** Names of the lead types whose leads it receives, in alphabetical order. */
  types: readonly string[];
}

/**
 * Limits the requests that a server sends to its dialler at once, for whatever purpose: a failed login of each of them
 * must not lock the dialler's user.
 */
export interface RequestLimit {
  /** Maximum number of requests of all servers together. */
  readonly maxTotal: number;
  /** Maximum number of requests of one server. */
  readonly max: number;
  /** Number of requests that may be sent at once now; 0: none. */
  readonly current: number;
  /** Number of requests that were sent and have not ended. */
  readonly inFlight: number;
  /** Sets the number of requests that may be sent at once until a time (`performance.now()`); none is sent later. */
  allow(limit: number, until: number): void;
  /** Sends requests again after a failed login, because the pause that it has caused has ended. */
  resume(): void;
}

/** Something that was checked in the set-up of a dialler. */
export interface DiallerCheck {
  /** What was checked, such as `login` or `list 1001`. */
  subject: string;
  /** The lead type that it concerns. Undefined: all. */
  type?: string;
  /** The sub-type that it concerns. Undefined: all that have no settings of their own. */
  subtype?: string;
  /** `unchecked`: only a person can check it. */
  result: 'ok' | 'problem' | 'unchecked';
  /** What is wrong and where to fix it, or what was found; without personal data and secrets. */
  details: string;
  /** Set if the login has failed: each further attempt would bring the user closer to its lock. */
  pause?: DiallerPause;
}

/** Where a dialler has a lead: its ids there, oldest first; empty: it certainly does not have the lead. */
export type FindResult = { ids: readonly string[] } | { failure: DeliveryResult };

/** Result of an attempt to withdraw a lead. */
export interface WithdrawalResult {
  outcome: WithdrawalAttemptOutcome;
  /** What the dialler responded. It is stored and logged, so it contains no personal data and no secrets. */
  response: string;
  /**
   * Whether the dialler works, and only this lead cannot be withdrawn now, such as during a call: other leads are not
   * delayed.
   */
  isOfLead?: boolean;
  /** No further attempt can succeed: an operator must remove the lead at once. */
  needsOperator?: true;
  /** Minimum delay that the dialler requested (ms). */
  retryAfter?: number;
  /** Why an operator must correct something first. Delivery is paused as after an attempt to deliver. */
  pause?: DiallerPause;
}

/** What the dispatcher offers to an attempt. */
export interface AttemptContext {
  /** Where `find` has just found the lead, oldest first. Empty: the dialler does not have it, or cannot look it up. */
  found: readonly string[];
  /** Returns the ids of all earlier leads of the same person and type. @throws if the store fails */
  earlierLeads(): Promise<readonly string[]>;
}

/** An order of the dialler to pause delivery. */
export interface DiallerPause {
  /** Why, and what to do; stored and logged, so it contains no personal data and no secrets. */
  reason: string;
  /** Whether only the lead's type is paused. */
  isOfType?: boolean;
  /** Time after which delivery is tried again (ms). Undefined: an operator must resume it. */
  retryAfter?: number;
}

/** Result of a delivery attempt. */
export interface DeliveryResult {
  outcome: AttemptOutcome;
  /** What the dialler responded. It is stored and logged, so it contains no personal data and no secrets. */
  response: string;
  /** Whether the dialler has the lead without some of its data; `response` contains what is missing. */
  incomplete?: boolean;
  /** Minimum delay that the dialler requested (ms). */
  retryAfter?: number;
  /**
   * Undefined: no pause. A lead that is `unavailable` because of a pause that ends by itself is not affected otherwise:
   * the attempt does not count.
   */
  pause?: DiallerPause;
  /** Whether a rejected lead would be rejected again, no matter when. */
  isFinal?: boolean;
  /**
   * Resolves when the attempt has released its connection, possibly after its outcome is known. Never rejects. Until
   * then, the lead is in flight. Undefined: the connection is already released.
   */
  connectionReleased?: Promise<void>;
}

/** Settings of the server that a dialler needs in addition to its own variables. */
export interface DiallerContext {
  parsePhone: ParsePhone;
  /** Maximum number of leads in flight, and so of connections. */
  concurrency: number;
  /** Maximum time of an attempt (ms). */
  timeout: number;
}

/**
 * Creates a dialler from its own environment variables.
 *
 * @throws {ConfigError} naming each variable that is missing or invalid
 */
export type CreateDialler = (environment: NodeJS.ProcessEnv, context: DiallerContext) => Dialler;
