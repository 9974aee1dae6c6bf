import type { AttemptOutcome } from '../leads/attempt.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { ClaimedLead } from '../store/store.ts';

/** A system that calls people, to which due leads are delivered. */
export interface Dialler {
  /** Its name in `DIALLER`. */
  readonly name: string;
  /** Maximum number of leads in flight, even if DIALLER_CONCURRENCY is higher. Undefined: no such limit. */
  readonly maxConcurrency?: number;
  /**
   * Time for which the dialler may still be processing an attempt after it has ended with an unknown outcome (ms). The
   * next attempt of the lead starts later. Undefined: it recognises repeats, so they can be sent at any time.
   */
  readonly maxRuntime?: number;
  /**
   * Makes one attempt to deliver a lead. Each attempt includes the lead's id, so that the dialler can recognise a
   * repeated one.
   *
   * @param signal aborts an attempt that takes too long
   */
  deliver(lead: ClaimedLead, signal: AbortSignal, context: AttemptContext): Promise<DeliveryResult>;
  /**
   * Checks the set-up of the dialler, and changes nothing. Undefined: there is nothing to check.
   *
   * @param types names of the lead types whose leads are delivered
   */
  check?(types: readonly string[], signal: AbortSignal): Promise<DiallerCheck[]>;
}

/** Something that was checked in the set-up of a dialler. */
export interface DiallerCheck {
  /** What was checked, such as `login` or `list 1001`. */
  subject: string;
  /** The lead type that it concerns. Undefined: all. */
  type?: string;
  /** `unchecked`: only a person can check it. */
  result: 'ok' | 'problem' | 'unchecked';
  /** What is wrong and where to fix it, or what was found; without personal data and secrets. */
  details: string;
}

/** What the dispatcher offers to an attempt. */
export interface AttemptContext {
  /** Returns the ids of all earlier leads of the same person and type. @throws if the store fails */
  earlierLeads(): Promise<readonly string[]>;
  /**
   * Checks later, unless the server stops before, whether the dialler has the lead more than once.
   *
   * @param delay milliseconds
   * @param check returns a description of the duplicates without personal data; undefined: there are none
   */
  recheck(delay: number, check: (signal: AbortSignal) => Promise<string | undefined>): void;
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
  /** Where the dialler has the lead more than once, without personal data. Undefined: no duplicates are known. */
  duplicates?: string;
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
