import { TokenBucket } from 'limiter';
import type { Log } from '../telemetry/log.ts';

/** How many lines are written: while the store is down each request fails, whoever sends it. */
const lines = { burst: 100, perSecond: 10 };

/** Logs requests that failed. While there are many, only some are logged, and the next line says how many were left out. */
export class FailureLog {
  readonly #log: Log;
  readonly #room = new TokenBucket({
    bucketSize: lines.burst,
    tokensPerInterval: lines.perSecond,
    interval: 'second',
  });
  #leftOut = 0;

  constructor(log: Log) {
    this.#log = log;
    this.#room.content = lines.burst;
  }

  /** @param level `warn` for a request that could not be taken just now, `error` for a fault */
  write(level: 'warn' | 'error', details: object, message: string): void {
    if (!this.#room.tryRemoveTokens(1)) {
      this.#leftOut += 1;
      return;
    }
    const leftOut = this.#leftOut > 0 ? { leftOut: this.#leftOut } : undefined;
    this.#leftOut = 0;
    this.#log[level]({ ...details, ...leftOut }, message);
  }
}
