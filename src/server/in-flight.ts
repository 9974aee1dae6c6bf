/** Limits the requests of each key that are in flight, so that one partner's burst does not fill the shared queue. */
export class InFlight {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  /** @param limit maximum for each key */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a request in. Returns false, and does not count it, if its key is at the limit. */
  enter(keyId: string): boolean {
    const count = this.#counts.get(keyId) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(keyId, count + 1);
    return true;
  }

  /** Counts out a request that has entered. */
  leave(keyId: string): void {
    this.#counts.set(keyId, (this.#counts.get(keyId) ?? 1) - 1);
  }
}
