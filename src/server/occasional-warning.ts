import type { Log } from '../telemetry/log.ts';

/** A warning is repeated only after this time without a cause for it (ms). */
const silence = 10_000;

/** Warns of something that clients can bring about any number of times, once for each time that it goes on. */
export class OccasionalWarning {
  readonly #log: Log;
  #last = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  warn(details: object, message: string): void {
    const now = performance.now();
    if (now - this.#last > silence) this.#log.warn(details, message);
    this.#last = now;
  }
}
