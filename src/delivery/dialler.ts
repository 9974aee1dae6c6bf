import type { AttemptOutcome } from '../leads/attempt.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { ClaimedLead } from '../store/store.ts';

/** Whom due leads are handed to. */
export interface Dialler {
  /** What the operator calls it. */
  readonly name: string;
  /** How many leads it can be given at once, where that is fewer than the operator allows. */
  readonly maxBurst?: number;
  /**
   * Tries once to hand a lead over. The same lead may come again: the dialler is told its id, so that
   * it can drop a repeat.
   *
   * @param signal ends the try when it takes too long
   */
  deliver(lead: ClaimedLead, signal: AbortSignal): Promise<DeliveryResult>;
}

/** What came of a try. */
export interface DeliveryResult {
  outcome: AttemptOutcome;
  /** What came back, in words, with nothing of the person and no secret in it: it is stored and logged. */
  response: string;
  /** Whether the dialler took the lead and not all that belongs to it; `answer` says what is missing. */
  incomplete?: boolean;
  /** How long the dialler asks to be left alone, in milliseconds. */
  retryAfter?: number;
  /** Why nothing must be delivered until an operator has looked: another attempt would do harm. Stored and logged. */
  pauseReason?: string;
  /**
   * Fulfilled, never rejected, when the attempt no longer uses a connection; undefined: it no longer does. The outcome
   * may be known before. Until then the lead keeps its place among those in flight.
   */
  finished?: Promise<void>;
}

/** What a dialler needs to know besides its own variables. */
export interface DiallerContext {
  parsePhone: ParsePhone;
  /** Maximum number of leads in flight, and so of connections. */
  concurrency: number;
  /** How long an attempt may take (ms). */
  timeout: number;
}

/**
 * Makes a dialler from its own variables of the environment.
 *
 * @throws {ConfigError} naming each that is wrong or missing
 */
export type CreateDialler = (environment: NodeJS.ProcessEnv, context: DiallerContext) => Dialler;
