/** Number of consecutive failures after which the dialler is considered down. */
const failureThreshold = 5;

/** Times for which nothing is sent to a dialler that is down (ms). */
export interface CircuitBreakerDelays {
  /** First delay; each further one is twice as long. */
  initial: number;
  /** Maximum delay. A dialler that works again is noticed within this time. */
  max: number;
}

export const defaultCircuitBreakerDelays: CircuitBreakerDelays = { initial: 1_000, max: 30_000 };

/**
 * Protects a dialler that is down. Its states:
 *
 * - half-open, the initial state: one lead at a time, because twenty attempts with a wrong password could lock the
 *   dialler's user;
 * - closed, after a success: all leads;
 * - open, after a failure while half-open, after several consecutive failures, or if the dialler requests a delay: no
 *   lead until the delay has passed.
 */
export class CircuitBreaker {
  readonly #delays: CircuitBreakerDelays;
  #failures = 0;
  readonly #failedTypes = new Set<string>();
  #isHalfOpen = true;
  #recoveries = 0;
  #lastFailure: string | undefined;
  #delay = 0;
  /** Monotonic time (`performance.now()`) until which the circuit is open. */
  #openUntil = 0;

  constructor(delays: CircuitBreakerDelays = defaultCircuitBreakerDelays) {
    this.#delays = delays;
  }

  /** Returns the maximum number of leads in flight, from 0 to `concurrency`. */
  allowance(concurrency: number): number {
    if (this.remainingDelay() > 0) return 0;
    return this.#isHalfOpen ? Math.min(1, concurrency) : concurrency;
  }

  /** Returns the time until the next lead may be sent (ms); 0: one may be sent now. */
  remainingDelay(): number {
    return Math.max(0, this.#openUntil - performance.now());
  }

  /** Records that the dialler accepted or rejected a lead. */
  recordSuccess(): void {
    if (this.#isHalfOpen || this.#failures > 0) this.#recoveries += 1;
    this.#failures = 0;
    this.#failedTypes.clear();
    this.#isHalfOpen = false;
    this.#delay = 0;
  }

  /**
   * Records that the dialler did not respond, or cannot accept leads at the moment.
   *
   * @param type lead type of the attempt
   * @param retryAfter minimum delay that the dialler requested (ms)
   * @param response what it responded, without personal data or secrets
   */
  recordFailure(type: string, retryAfter = 0, response?: string): void {
    this.#failures += 1;
    this.#lastFailure = response;
    this.#failedTypes.add(type);
    if (this.#failures >= failureThreshold || this.#isHalfOpen) {
      this.#isHalfOpen = true;
      // Attempts that were in flight when the circuit opened do not extend the delay.
      if (this.remainingDelay() === 0) {
        const { initial, max } = this.#delays;
        this.#delay = Math.min(max, this.#delay === 0 ? initial : 2 * this.#delay);
        this.#openFor(this.#delay);
      }
    }
    this.#openFor(retryAfter);
  }

  /**
   * Lead types to leave out of the next claim, if leads of other types are due. While half-open, these are the types
   * that have failed since the last success: the dialler may accept all others.
   */
  get failedTypes(): readonly string[] {
    return this.#isHalfOpen ? [...this.#failedTypes] : [];
  }

  /** Forgets the types that have failed, because no lead of another type is due. */
  forgetFailedTypes(): void {
    this.#failedTypes.clear();
  }

  /** What the dialler responded to the last attempt that failed; undefined: unknown. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /** Whether the circuit is open, or half-open because the last attempt failed: nothing was delivered since. */
  get isDown(): boolean {
    return this.remainingDelay() > 0 || (this.#isHalfOpen && this.#failures > 0);
  }

  /** Number of successes that were the first one, or followed a failure: what failed before may succeed now. */
  get recoveries(): number {
    return this.#recoveries;
  }

  /** Returns to the initial state, such as after an operator has fixed the cause of a pause. */
  reset(): void {
    this.#isHalfOpen = true;
    this.#failures = 0;
    this.#failedTypes.clear();
    this.#delay = 0;
    this.#openUntil = 0;
  }

  #openFor(milliseconds: number): void {
    this.#openUntil = Math.max(this.#openUntil, performance.now() + milliseconds);
  }
}
