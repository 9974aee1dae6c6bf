import type { Log } from './log.ts';

/** Minimum time without its cause before a warning is repeated (ms). */
const quietPeriod = 10_000;

/** Logs a warning once while its cause persists, because clients can cause it any number of times. */
export class OccasionalWarning {
  readonly #log: Log;
  #last = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs the warning unless its cause occurred in the last ten seconds. */
  warn(details: object, message: string): void {
    const now = performance.now();
    if (now - this.#last > quietPeriod) this.#log.warn(details, message);
    this.#last = now;
  }
}
