import { keptFor } from './leads/idempotency.ts';
import type { Upkeep } from './store/store.ts';
import type { Log } from './telemetry/log.ts';

/** How often a server looks for what can be forgotten, in milliseconds. */
const interval = 10 * 60_000;

/** The pause after a step, in which those who wait get their turn, in milliseconds. */
const pause = 50;

/** Forgets, now and then, the answers that were kept under idempotency keys for long enough. */
export class RegularUpkeep {
  readonly #store: Upkeep;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #stopping = false;

  /** Begins at once. */
  constructor(store: Upkeep, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => this.#begin(), interval).unref();
    this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #begin(): void {
    this.#running ??= this.#forget().finally(() => {
      this.#running = undefined;
    });
  }

  async #forget(): Promise<void> {
    try {
      while (!this.#stopping && (await this.#store.forgetAnswers(Date.now() - keptFor)) > 0) {
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'Old answers could not be forgotten; it is tried again in ten minutes.');
    }
  }
}
