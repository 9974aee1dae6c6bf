import { idempotencyRetention } from '../leads/idempotency.ts';
import type { Maintenance } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** How often a server looks for what can be forgotten, in milliseconds. */
const interval = 10 * 60_000;

/** The pause after a step, in which those who wait get their turn, in milliseconds. */
const pause = 50;

/** Now and then removes the answers that were kept under idempotency keys for long enough, and gives free room back. */
export class RegularMaintenance {
  readonly #store: Maintenance;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #stopping = false;

  /** Begins at once. */
  constructor(store: Maintenance, log: Log) {
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
    this.#running ??= this.#maintain().finally(() => {
      this.#running = undefined;
    });
  }

  async #maintain(): Promise<void> {
    try {
      await this.#inSteps(
        async () => (await this.#store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)) > 0,
      );
      await this.#inSteps(() => this.#store.shrink());
    } catch (error) {
      this.#log.warn({ err: error }, 'Old answers could not be forgotten; it is tried again in ten minutes.');
    }
  }

  /** Repeats a step until it says that there is no more to do. */
  async #inSteps(step: () => Promise<boolean>): Promise<void> {
    while (!this.#stopping && (await step())) {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
