/**
 * How many requests of each key are under way. One partner's burst must not fill the queue that all
 * partners wait in.
 */
export class InFlight {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  /** @param limit of each key */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a request in, and tells whether there was room for it. */
  enter(keyId: string): boolean {
    const count = this.#counts.get(keyId) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(keyId, count + 1);
    return true;
  }

  /** Counts a request out that had entered. */
  leave(keyId: string): void {
    this.#counts.set(keyId, (this.#counts.get(keyId) ?? 1) - 1);
  }
}
