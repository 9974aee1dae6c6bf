import type { Registry } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** Interval between writes (ms). A write for every request would double the load on the store. */
const interval = 10_000;

/** Tracks when each key was last used and saves it at intervals, so that operators can find unused keys. */
export class KeyLastUsed {
  readonly #registry: Pick<Registry, 'recordKeyLastUsed'>;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #unsaved = new Map<string, number>();
  /** The save in progress, if there is one. */
  #saving: Promise<void> = Promise.resolve();

  constructor(registry: Pick<Registry, 'recordKeyLastUsed'>, log: Log) {
    this.#registry = registry;
    this.#log = log;
    this.#timer = setInterval(() => this.#startSave(), interval).unref();
  }

  /** Records the use of a key. @param at milliseconds since 1970 */
  record(keyId: string, at: number): void {
    this.#unsaved.set(keyId, at);
  }

  /** Stops the timer and saves what is not saved yet. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#startSave();
    await this.#saving;
  }

  #startSave(): void {
    this.#saving = this.#saving.then(() => this.#save());
  }

  /** Saves what is not saved yet. If that fails, the next save includes it. */
  async #save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const uses = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await this.#registry.recordKeyLastUsed(uses);
    } catch (error) {
      this.#log.warn({ err: error }, 'The last use of keys could not be recorded.');
      this.#unsaved = new Map([...uses, ...this.#unsaved]);
    }
  }
}
