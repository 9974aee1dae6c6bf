import type { AttemptOutcome } from '../leads/attempt.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { ClaimedLead } from '../store/store.ts';

/** A system that calls people: due leads are delivered to it. */
export interface Dialler {
  /** Its name in `DIALLER`. */
  readonly name: string;
  /** Maximum number of leads in flight, if the dialler allows fewer than the operator. */
  readonly maxBurst?: number;
  /**
   * Makes one attempt to deliver a lead. The same lead can be delivered again: its id is sent along, so that the dialler
   * can recognise a repeat.
   *
   * @param signal ends an attempt that takes too long
   */
  deliver(lead: ClaimedLead, signal: AbortSignal): Promise<DeliveryResult>;
}

/** Result of a delivery attempt. */
export interface DeliveryResult {
  outcome: AttemptOutcome;
  /** What the dialler responded. It is stored and logged, so it contains no personal data and no secrets. */
  response: string;
  /** Whether the dialler has the lead without some of its data; `response` states what is missing. */
  incomplete?: boolean;
  /** Minimum delay that the dialler asked for (ms). */
  retryAfter?: number;
  /** Why delivery must be paused until an operator resumes it: another attempt would do harm. Stored and logged. */
  pauseReason?: string;
  /**
   * Resolves, and never rejects, when the attempt no longer uses a connection; undefined: it no longer does. The outcome
   * may be known earlier. Until then the lead counts as in flight.
   */
  finished?: Promise<void>;
}

/** What a dialler depends on besides its own variables. */
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
