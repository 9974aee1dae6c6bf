import { TokenBucket } from 'limiter';
import type { Log } from '../telemetry/log.ts';

/** Maximum number of log lines: while the store is down, every request fails. */
const lineLimit = { burst: 100, perSecond: 10 };

/** Logs failed requests at a limited rate. The next line includes the number of lines that were left out. */
export class FailureLog {
  readonly #log: Log;
  readonly #bucket = new TokenBucket({
    bucketSize: lineLimit.burst,
    tokensPerInterval: lineLimit.perSecond,
    interval: 'second',
  });
  #suppressed = 0;

  constructor(log: Log) {
    this.#log = log;
    this.#bucket.content = lineLimit.burst;
  }

  /** @param level `warn` for a request that the server could not accept just now, `error` for a fault */
  write(level: 'warn' | 'error', details: object, message: string): void {
    if (!this.#bucket.tryRemoveTokens(1)) {
      this.#suppressed += 1;
      return;
    }
    const suppressed = this.#suppressed > 0 ? { suppressed: this.#suppressed } : undefined;
    this.#suppressed = 0;
    this.#log[level]({ ...details, ...suppressed }, message);
  }
}
