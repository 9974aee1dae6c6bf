import type { StoreObserver } from '../observer.ts';
import { StoreUnavailable } from '../store.ts';

/** A call that waits for its result. Settling it a second time has no effect. */
export interface Entry<Input, Output> {
  input: Input;
  /** When the call was made (`performance.now()`). */
  since: number;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** Maximum number of waiting calls; further calls are rejected. */
  capacity: number;
  /** Maximum number of calls in a statement. */
  maxBatchSize: number;
  /** Maximum number of statements in flight. */
  maxInFlight: number;
  /** Maximum time that a call waits for its statement to be sent (ms). */
  maxWait: number;
}

/**
 * Gathers calls into statements, because a round trip and a commit per call would take most of the time. A batch
 * contains the calls of one event-loop tick, and those that arrived while `maxInFlight` statements were in flight.
 */
export class Batcher<Input, Output> {
  readonly #kind: string;
  readonly #observer: StoreObserver;
  readonly #run: (entries: readonly Entry<Input, Output>[]) => Promise<void>;
  readonly #limits: BatchLimits;
  #waiting: Entry<Input, Output>[] = [];
  #inFlight = 0;
  #isScheduled = false;
  #whenIdle: (() => void)[] = [];

  /**
   * @param kind of call, for metrics
   * @param run settles every entry; if it throws, the entries that it has not settled are rejected with the error
   */
  constructor(
    kind: string,
    run: (entries: readonly Entry<Input, Output>[]) => Promise<void>,
    limits: BatchLimits,
    observer: StoreObserver,
  ) {
    this.#kind = kind;
    this.#observer = observer;
    this.#run = run;
    this.#limits = limits;
  }

  /** Number of waiting calls. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Adds a call to the next batch. @throws {StoreUnavailable} if too many calls are waiting, or this one waits too long */
  call(input: Input): Promise<Output> {
    const waiting = this.#waiting.length;
    if (waiting >= this.#limits.capacity) {
      return Promise.reject(new StoreUnavailable(`${waiting} calls are waiting for the store.`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, since: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves once no call is waiting or in flight. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled || this.#inFlight >= this.#limits.maxInFlight) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#runNext();
    });
  }

  async #runNext(): Promise<void> {
    this.#rejectExpired();
    const entries = this.#waiting.splice(0, this.#limits.maxBatchSize);
    if (entries.length === 0) {
      this.#notifyIdle();
      return;
    }
    this.#inFlight += 1;
    if (this.#waiting.length > 0) this.#schedule();
    const begun = performance.now();
    try {
      await this.#run(entries);
      this.#observer.batch(this.#kind, entries.length, performance.now() - begun);
    } catch (error) {
      this.#observer.failure(this.#kind, entries.length);
      for (const entry of entries) entry.reject(error);
    }
    this.#inFlight -= 1;
    if (this.#waiting.length > 0) this.#schedule();
    else this.#notifyIdle();
  }

  /** Rejects calls that have waited too long: their clients would time out before the response. */
  #rejectExpired(): void {
    const oldest = performance.now() - this.#limits.maxWait;
    const fresh = this.#waiting.findIndex(({ since }) => since >= oldest);
    const expired = this.#waiting.splice(0, fresh < 0 ? this.#waiting.length : fresh);
    for (const { reject } of expired) {
      reject(new StoreUnavailable(`The call waited longer than ${this.#limits.maxWait} ms for the store.`));
    }
  }

  #notifyIdle(): void {
    if (this.#waiting.length > 0 || this.#inFlight > 0) return;
    for (const notify of this.#whenIdle.splice(0)) notify();
  }
}
