import type { Registry } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** How often uses are recorded, in milliseconds: a write for each request would be a second one. */
const pause = 10_000;

/** Remembers when each key was last used, and records it now and then, so that the operator sees which are idle. */
export class KeyLastUsed {
  readonly #registry: Pick<Registry, 'recordKeyLastUsed'>;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #uses = new Map<string, number>();

  constructor(registry: Pick<Registry, 'recordKeyLastUsed'>, log: Log) {
    this.#registry = registry;
    this.#log = log;
    this.#timer = setInterval(() => void this.#record(), pause).unref();
  }

  /** @param at milliseconds since 1970 */
  used(keyId: string, at: number): void {
    this.#uses.set(keyId, at);
  }

  /** Records what is not recorded yet. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#record();
  }

  async #record(): Promise<void> {
    if (this.#uses.size === 0) return;
    const uses = this.#uses;
    this.#uses = new Map();
    try {
      await this.#registry.recordKeyLastUsed(uses);
    } catch (error) {
      // The next request of each key is recorded with the next round.
      this.#log.warn({ err: error }, 'When keys were last used could not be recorded.');
    }
  }
}
