/** Limits the requests in flight of each key, so that one partner's burst does not fill the shared queue. */
export class InFlightLimiter {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();

  /** @param limit maximum number of requests of each key */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts a request until it leaves. Returns false, without counting it, if its key is at the limit. */
  enter(keyId: string): boolean {
    const count = this.#counts.get(keyId) ?? 0;
    if (count >= this.#limit) return false;
    this.#counts.set(keyId, count + 1);
    return true;
  }

  /** Stops counting a request that has entered. */
  leave(keyId: string): void {
    this.#counts.set(keyId, (this.#counts.get(keyId) ?? 1) - 1);
  }
}
