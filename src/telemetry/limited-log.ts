import { fullBucket } from '../limits/rate-limit.ts';
import type { Log } from './log.ts';

/** Maximum number of log lines. Clients can cause any number of them, and must not fill the disk. */
const lineLimit = { burst: 100, perSecond: 10 };

/** Limit of a log that exists once for each partner, so that one that floods the server writes about 20 MB a day. */
export const partnerLineLimit = { burst: 10, perSecond: 1 };

/** Logs lines at a limited rate. The next line includes the number of lines that were suppressed. */
export class LimitedLog {
  readonly #log: Log;
  readonly #bucket: ReturnType<typeof fullBucket>;
  #suppressed = 0;

  constructor(log: Log, limit: { burst: number; perSecond: number } = lineLimit) {
    this.#log = log;
    this.#bucket = fullBucket(limit);
  }

  /** Writes a line unless the limit is exceeded. */
  write(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
    if (!this.#bucket.tryRemoveTokens(1)) {
      this.#suppressed += 1;
      return;
    }
    const suppressed = this.#suppressed > 0 ? { suppressed: this.#suppressed } : undefined;
    this.#suppressed = 0;
    this.#log[level]({ ...fields, ...suppressed }, message);
  }
}
