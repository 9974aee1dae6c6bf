import type { Log } from '../telemetry/log.ts';
import type { AttemptInFlight, AttemptsInFlight } from './attempts-in-flight.ts';

/** Minimum time by which the clock must be set back or forward to be noticed (ms). */
const minClockStep = 2_000;

/** Notices that the clock was set, by which due times and leases are measured. */
export class ClockWatch {
  readonly #attempts: AttemptsInFlight;
  readonly #log: Log;
  #offset = Date.now() - performance.now();
  /** Attempts that were in flight when the clock was set forward: to the store, their leases may have ended. */
  #inFlightAtStep: readonly AttemptInFlight[] = [];

  constructor(attempts: AttemptsInFlight, log: Log) {
    this.#attempts = attempts;
    this.#log = log;
  }

  /**
   * Logs if the clock was set back: due times follow the clock, so leads are then delivered later. If it was set
   * forward, nothing may be claimed until the attempts in flight have ended, so that no lead is sent twice at once.
   */
  check(): void {
    const offset = Date.now() - performance.now();
    const step = offset - this.#offset;
    this.#offset = offset;
    if (step >= minClockStep) this.#inFlightAtStep = this.#attempts.current();
    if (step > -minClockStep) return;
    const seconds = Math.round(-step / 1_000);
    this.#log.warn(`The clock was set back by ${seconds} s. Due leads are delivered that much later.`);
  }

  /** Whether attempts are in flight whose leases may seem to have ended, because the clock was set forward. */
  get hasUncertainLeases(): boolean {
    return this.#inFlightAtStep.some((attempt) => this.#attempts.includes(attempt));
  }
}
