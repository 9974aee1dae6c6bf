/** So many failures in a row mean that the dialler is down, rather than that a lead is odd. */
const failureThreshold = 5;

/** How long a dialler that is down is left alone, in milliseconds. */
export interface CircuitBreakerDelays {
  /** The first pause; each further one is twice as long. */
  first: number;
  /** So long at most a dialler is up again before it is noticed. */
  longest: number;
}

export const defaultCircuitBreakerDelays: CircuitBreakerDelays = { first: 1_000, longest: 30_000 };

/**
 * Keeps a dialler that is down from being hammered. It begins with one lead at a time, since a wrong
 * password that is sent twenty times at once locks an account; after one success it lets all through,
 * and after several failures in a row nothing until a pause is over, then one again.
 */
export class CircuitBreaker {
  readonly #pauses: CircuitBreakerDelays;
  #failures = 0;
  #proven = false;
  #pause = 0;
  /** On the clock that is never set back (`performance.now()`). */
  #openUntil = 0;

  constructor(pauses: CircuitBreakerDelays = defaultCircuitBreakerDelays) {
    this.#pauses = pauses;
  }

  /** How many leads may be under way at once, out of `most`. */
  allowance(most: number): number {
    if (this.waitsFor() > 0) return 0;
    return this.#proven ? most : 1;
  }

  /** How long nothing may be handed over yet, in milliseconds; 0 where it may. */
  waitsFor(): number {
    return Math.max(0, this.#openUntil - performance.now());
  }

  /** The dialler has answered. */
  succeeded(): void {
    this.#failures = 0;
    this.#proven = true;
    this.#pause = 0;
  }

  /** Begins again with one lead at a time, as after an operator has corrected what the dialler refused. */
  beginAgain(): void {
    this.#proven = false;
    this.#failures = 0;
    this.#pause = 0;
    this.#openUntil = 0;
  }

  /**
   * The dialler has not answered, or has answered that it cannot take a lead now.
   *
   * @param askedFor how long it asked to be left alone, in milliseconds
   */
  failed(askedFor = 0): void {
    this.#failures += 1;
    if (this.#failures >= failureThreshold || !this.#proven) {
      this.#proven = false;
      // Those that were under way when the pause began do not make it longer.
      if (this.waitsFor() === 0) {
        const { first, longest } = this.#pauses;
        this.#pause = Math.min(longest, this.#pause === 0 ? first : 2 * this.#pause);
        this.#openFor(this.#pause);
      }
    }
    this.#openFor(askedFor);
  }

  #openFor(milliseconds: number): void {
    this.#openUntil = Math.max(this.#openUntil, performance.now() + milliseconds);
  }
}
