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
   * Makes one attempt to deliver a lead. Each attempt includes the lead's id, so that the dialler can recognise a
   * repeated one.
   *
   * @param signal aborts an attempt that takes too long
   */
  deliver(lead: ClaimedLead, signal: AbortSignal): Promise<DeliveryResult>;
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
  /** Why delivery must be paused until an operator resumes it; stored and logged. Undefined: no pause. */
  pauseReason?: string;
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
