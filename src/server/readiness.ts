import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

export interface ReadinessOptions {
  /** Time from one check to the next while the store is ready, and while it is not (ms). */
  interval?: { ready: number; notReady: number };
  /** Maximum duration of a check, beyond which the store is not ready (ms). */
  patience?: number;
}

/** A check is a write that is synced: a load balancer that asks as often notices nothing sooner. */
const defaultInterval = { ready: 5_000, notReady: 1_000 };
const defaultPatience = 5_000;

/**
 * Whether this server can take leads in. It has the store checked by the clock, so that no request makes it work, and
 * logs only changes.
 */
export class Readiness {
  readonly #store: Pick<Store, 'checkReady'>;
  readonly #log: Log;
  readonly #interval: { ready: number; notReady: number };
  readonly #patience: number;
  #isReady = false;
  #reason: string | undefined = 'The store has not been checked yet.';
  #overdue: NodeJS.Timeout | undefined;
  #next: NodeJS.Timeout | undefined;
  #isFirst = true;
  #isStopped = false;

  constructor(store: Pick<Store, 'checkReady'>, log: Log, options: ReadinessOptions = {}) {
    this.#store = store;
    this.#log = log;
    this.#interval = options.interval ?? defaultInterval;
    this.#patience = options.patience ?? defaultPatience;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why the server is not ready; undefined if it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Begins to check. Fulfilled after the first check, whatever it finds. */
  start(): Promise<void> {
    return this.#check();
  }

  /** Checks no more. Does not wait for a check in progress. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#overdue);
    clearTimeout(this.#next);
  }

  /** One that takes too long is waited for before the next one begins, so that no two overlap. */
  #check(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (error: unknown) => {
        this.#conclude(error);
        resolve();
      };
      this.#overdue = setTimeout(
        () => settle(new Error(`The store did not finish its check within ${this.#patience} ms.`)),
        this.#patience,
      );
      void this.#outcome().then((error) => {
        clearTimeout(this.#overdue);
        settle(error);
        this.#checkLater();
      });
    });
  }

  #checkLater(): void {
    if (this.#isStopped) return;
    const pause = this.#isReady ? this.#interval.ready : this.#interval.notReady;
    this.#next = setTimeout(() => void this.#check(), pause).unref();
  }

  /** What the store's check throws; undefined for nothing. */
  async #outcome(): Promise<unknown> {
    try {
      await this.#store.checkReady();
      return undefined;
    } catch (error) {
      return error ?? new Error('The store failed its check.');
    }
  }

  #conclude(error: unknown): void {
    if (this.#isStopped) return;
    const isReady = error === undefined;
    const hasChanged = isReady !== this.#isReady;
    this.#isReady = isReady;
    this.#reason = isReady ? undefined : error instanceof Error ? error.message : String(error);
    if (!isReady && (hasChanged || this.#isFirst)) {
      this.#log.error({ err: error }, 'The server is not ready: the store failed its check.');
    } else if (isReady && hasChanged && !this.#isFirst) this.#log.info('The server is ready again.');
    this.#isFirst = false;
  }
}
