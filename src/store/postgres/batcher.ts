import type { StoreObserver } from '../observer.ts';
import { StoreUnavailable } from '../store-unavailable.ts';

/** A call that waits for its result. Settling it a second time has no effect. */
export interface Entry<Input, Output> {
  input: Input;
  resolve: (output: Output) => void;
  reject: (error: unknown) => void;
}

interface Call<Input, Output> extends Entry<Input, Output> {
  /** When the call was made (`performance.now()`). */
  since: number;
  state: 'pending' | 'resolved' | 'rejected';
}

/** Limits of the calls of one kind. */
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
  #waiting: Call<Input, Output>[] = [];
  #inFlight = 0;
  #isScheduled = false;
  #expiryTimer: NodeJS.Timeout | undefined;
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

  /**
   * Adds a call to the next batch.
   *
   * @throws {StoreUnavailable} if too many calls are waiting, or this one waits too long
   */
  call(input: Input): Promise<Output> {
    const waiting = this.#waiting.length;
    if (waiting >= this.#limits.capacity) {
      return Promise.reject(
        new StoreUnavailable(`The store queue is full; ${waiting} store calls are waiting.`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(newCall(input, resolve, reject));
      this.#schedule();
    });
  }

  /** Resolves once no call is waiting or in flight. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    if (this.#inFlight >= this.#limits.maxInFlight) {
      this.#scheduleExpiry();
      return;
    }
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.#runNext();
    });
  }

  async #runNext(): Promise<void> {
    this.#rejectExpired();
    const calls = this.#waiting.splice(0, this.#limits.maxBatchSize);
    if (calls.length === 0) {
      this.#notifyIdle();
      return;
    }
    this.#inFlight += 1;
    if (this.#waiting.length > 0) this.#schedule();
    const begun = performance.now();
    try {
      await this.#run(calls);
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
    this.#report(calls, performance.now() - begun);
    this.#inFlight -= 1;
    if (this.#waiting.length > 0) this.#schedule();
    else this.#notifyIdle();
  }

  #report(calls: readonly Call<Input, Output>[], milliseconds: number): void {
    const rejected = calls.filter(({ state }) => state === 'rejected').length;
    if (rejected > 0) this.#observer.failure(this.#kind, rejected);
    if (rejected < calls.length) this.#observer.batch(this.#kind, calls.length - rejected, milliseconds);
  }

  /** Rejects the oldest waiting call in time, even if no statement in flight ends until then. */
  #scheduleExpiry(): void {
    const [oldest] = this.#waiting;
    if (oldest === undefined || this.#expiryTimer !== undefined) return;
    const delay = Math.max(0, oldest.since + this.#limits.maxWait - performance.now());
    this.#expiryTimer = setTimeout(() => {
      this.#expiryTimer = undefined;
      this.#rejectExpired();
      this.#scheduleExpiry();
    }, delay).unref();
  }

  /** Rejects calls that have waited too long: their clients would time out before the response. */
  #rejectExpired(): void {
    const oldest = performance.now() - this.#limits.maxWait;
    const fresh = this.#waiting.findIndex(({ since }) => since >= oldest);
    const expired = this.#waiting.splice(0, fresh < 0 ? this.#waiting.length : fresh);
    if (expired.length > 0) this.#observer.failure(this.#kind, expired.length);
    for (const { reject } of expired) {
      reject(new StoreUnavailable(`A store call waited longer than ${this.#limits.maxWait} ms.`));
    }
  }

  #notifyIdle(): void {
    if (this.#waiting.length > 0 || this.#inFlight > 0) return;
    for (const notify of this.#whenIdle.splice(0)) notify();
  }
}

function newCall<Input, Output>(
  input: Input,
  resolve: (output: Output) => void,
  reject: (error: unknown) => void,
): Call<Input, Output> {
  const call: Call<Input, Output> = {
    input,
    since: performance.now(),
    state: 'pending',
    resolve(output) {
      call.state = 'resolved';
      resolve(output);
    },
    reject(error) {
      if (call.state !== 'pending') return;
      call.state = 'rejected';
      reject(error);
    },
  };
  return call;
}
