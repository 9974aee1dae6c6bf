import type { StoreObserver } from '../../observer.ts';
import { StoreUnavailable } from '../../store.ts';

/** One call that waits for its result. A promise that is settled stays as it is. */
export interface Entry<Input, Output> {
  input: Input;
  /** When the call was made, on the clock that is never set back (`performance.now()`). */
  since: number;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
}

export interface BatchLimits {
  /** How many calls may wait before further ones are refused. */
  capacity: number;
  /** How many calls share a statement at most. */
  largest: number;
  /** How many statements may be under way at once. */
  maxConcurrent: number;
  /** How long a call may wait for its statement to begin, in milliseconds. */
  maxWait: number;
}

/**
 * Gathers the calls of one turn of the event loop, and those that come while statements are under way,
 * and runs them as one statement: a round trip and a commit for each would be most of the work.
 */
export class Batcher<Input, Output> {
  readonly #kind: string;
  readonly #observer: StoreObserver;
  readonly #run: (entries: readonly Entry<Input, Output>[]) => Promise<void>;
  readonly #limits: BatchLimits;
  #waiting: Entry<Input, Output>[] = [];
  #inFlight = 0;
  #scheduled = false;
  #whenIdle: (() => void)[] = [];

  /**
   * @param kind of the calls, for whoever watches
   * @param run settles each entry; those that it leaves are rejected with what it throws
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

  /** How many calls wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws {StoreUnavailable} where too much is waiting */
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

  /** Fulfilled once nothing is waiting or under way. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.#limits.maxConcurrent) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#runNext();
    });
  }

  async #runNext(): Promise<void> {
    this.#refuseStale();
    const entries = this.#waiting.splice(0, this.#limits.largest);
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

  /** While the store does not answer the line must not grow older than who stands in it can wait. */
  #refuseStale(): void {
    const oldest = performance.now() - this.#limits.maxWait;
    const fresh = this.#waiting.findIndex(({ since }) => since >= oldest);
    const stale = this.#waiting.splice(0, fresh < 0 ? this.#waiting.length : fresh);
    for (const { reject } of stale) reject(new StoreUnavailable('A call has waited too long for the store.'));
  }

  #notifyIdle(): void {
    if (this.#waiting.length > 0 || this.#inFlight > 0) return;
    for (const tell of this.#whenIdle.splice(0)) tell();
  }
}
