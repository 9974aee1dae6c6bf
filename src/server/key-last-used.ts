import type { PartnerKeys } from '../store/partner-keys.ts';
import type { Log } from '../telemetry/log.ts';
import { PeriodicTask } from './periodic-task.ts';

/** Interval between writes (ms). A write for every request would double the load on the store. */
const interval = 10_000;

/** Tracks when each key was last used and saves it at intervals, so that operators can find unused keys. */
export class KeyLastUsed {
  readonly #store: Pick<PartnerKeys, 'recordKeyLastUsed'>;
  readonly #log: Log;
  readonly #saves: PeriodicTask;
  #unsaved = new Map<string, number>();

  constructor(store: Pick<PartnerKeys, 'recordKeyLastUsed'>, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#saves = new PeriodicTask(interval, () => this.#save());
  }

  /** Records the use of a key. @param at milliseconds since 1970 */
  record(keyId: string, at: number): void {
    this.#unsaved.set(keyId, at);
  }

  /** Saves what is not saved yet, and ends the saves. */
  stop(): Promise<void> {
    return this.#saves.stop();
  }

  /** Saves what is not saved yet. If that fails, the next save includes it. */
  async #save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const uses = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await this.#store.recordKeyLastUsed(uses);
    } catch (error) {
      this.#log.warn({ err: error }, 'The last use of keys could not be recorded.');
      this.#unsaved = new Map([...uses, ...this.#unsaved]);
    }
  }
}
