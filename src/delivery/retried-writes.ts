import type { Log } from '../telemetry/log.ts';
import { storeRetryInterval } from './attempt-limits.ts';

/** What is logged about a write that fails. */
export interface WriteMessages {
  retrying: string;
  /** It was not retried, because the server stops. */
  abandoned: string;
}

/** Writes to the store that are retried while it fails, because a result that is not recorded is repeated. */
export class RetriedWrites {
  readonly #log: Log;
  readonly #messages: WriteMessages;
  #isStopping = false;
  /** Each ends the delay of one retry. */
  readonly #endDelays = new Set<() => void>();

  constructor(log: Log, messages: WriteMessages) {
    this.#log = log;
    this.#messages = messages;
  }

  /** Writes. Resolves once that has succeeded, or gives up if the store fails after `stop`. @param leadIds for the log */
  async save(leadIds: string, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        const fields = { err: error, lead: leadIds };
        this.#log.error(fields, this.#messages.retrying);
        await this.#retryDelay();
        if (!this.#isStopping) continue;
        this.#log.error(fields, this.#messages.abandoned);
        return;
      }
    }
  }

  /** Ends all retries, so that a failing store does not delay the shutdown. */
  stop(): void {
    this.#isStopping = true;
    for (const end of this.#endDelays) end();
  }

  /** Resolves when a failed write can be retried, or when retries have ended. */
  #retryDelay(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endDelays.delete(end);
        resolve();
      };
      const timer = setTimeout(end, storeRetryInterval);
      this.#endDelays.add(end);
    });
  }
}
