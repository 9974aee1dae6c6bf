import { idempotencyRetention } from '../leads/idempotency.ts';
import type { Rejections } from '../store/rejections.ts';
import type { Maintenance } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** Interval between two runs (ms). */
const interval = 10 * 60_000;

/** Time for which counts of rejected requests are kept (ms). */
const rejectionRetention = 30 * 24 * 60 * 60_000;

/** Delay after each step (ms), so that the store can handle requests. */
const stepDelay = 50;

/** The parts of a store that need regular maintenance. */
type MaintainedStore = Pick<Maintenance, 'deleteIdempotencyRecords' | 'shrink'> &
  Pick<Rejections, 'deleteRejections'>;

/**
 * Deletes expired idempotency records and old counts of rejected requests, and releases unused space, at intervals and
 * in small steps.
 */
export class RegularMaintenance {
  readonly #store: MaintainedStore;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #isStopping = false;

  /** Starts the first run immediately. */
  constructor(store: MaintainedStore, log: Log) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => this.#start(), interval).unref();
    this.#start();
  }

  /** Stops after the step in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#maintain().finally(() => {
      this.#running = undefined;
    });
  }

  async #maintain(): Promise<void> {
    try {
      await this.#repeat(
        async () => (await this.#store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)) > 0,
      );
      await this.#store.deleteRejections(Date.now() - rejectionRetention);
      await this.#repeat(() => this.#store.shrink());
    } catch (error) {
      this.#log.warn({ err: error }, 'Maintenance of the store failed; the next attempt is in ten minutes.');
    }
  }

  /** Repeats a step while it returns true, which means that more is left to do. */
  async #repeat(step: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopping && (await step())) {
      await new Promise((resolve) => setTimeout(resolve, stepDelay));
    }
  }
}
