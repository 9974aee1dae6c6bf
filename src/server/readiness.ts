import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** Timing of the checks. */
export interface ReadinessOptions {
  /** Time between two checks while the store is ready, and while it is not (ms). */
  interval?: { ready: number; notReady: number };
  /** Maximum duration of a check (ms). If it takes longer, the store is not ready. */
  timeout?: number;
}

/** Checks are not more frequent, because each is a synced write. */
const defaultInterval = { ready: 5_000, notReady: 1_000 };

/** Longer than the checks of the stores allow themselves (five seconds), because they know the reason. */
const defaultTimeout = 5_500;

/**
 * Whether this server can accept leads. It checks the store at intervals rather than on request, so that requests for
 * `/readyz` cause no load, and logs only changes.
 */
export class Readiness {
  readonly #store: Pick<Store, 'checkReady'>;
  readonly #log: Log;
  readonly #interval: { ready: number; notReady: number };
  readonly #timeout: number;
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
    this.#timeout = options.timeout ?? defaultTimeout;
  }

  /** Whether the server can accept leads. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why the server is not ready; undefined: it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Starts the checks. Resolves after the first one, regardless of its result. */
  start(): Promise<void> {
    return this.#check();
  }

  /** Stops the checks without waiting for one in progress. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#overdue);
    clearTimeout(this.#next);
  }

  /** Checks the store. The next check starts after this one, even if it takes too long, so that no two overlap. */
  #check(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (error: unknown) => {
        this.#update(error);
        resolve();
      };
      this.#overdue = setTimeout(
        () => settle(new Error(`The store did not finish its check within ${this.#timeout} ms.`)),
        this.#timeout,
      );
      void this.#checkError().then((error) => {
        clearTimeout(this.#overdue);
        settle(error);
        this.#scheduleNext();
      });
    });
  }

  #scheduleNext(): void {
    if (this.#isStopped) return;
    const delay = this.#isReady ? this.#interval.ready : this.#interval.notReady;
    this.#next = setTimeout(() => void this.#check(), delay).unref();
  }

  /** Returns what the store's check throws; undefined if the store is ready. */
  async #checkError(): Promise<unknown> {
    try {
      await this.#store.checkReady();
      return undefined;
    } catch (error) {
      return error ?? new Error('The store failed its check.');
    }
  }

  #update(error: unknown): void {
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
