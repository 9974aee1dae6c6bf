import type { Registry } from '../store/store.ts';

/** Minimum time from one refresh to the next (ms). */
const refreshInterval = 250;

/** Maximum number of requests that wait for a refresh. */
const maxWaiting = 1_000;

/**
 * The digests of all active keys. A key from an address that has sent too many invalid ones is only looked up if its
 * digest is among them: so a flood costs a few queries a second however large it is, and a valid key gets through it. The
 * set decides what is looked up, never who is let in.
 */
export class ActiveKeys {
  readonly #registry: Pick<Registry, 'activeKeyDigests'>;
  #digests: ReadonlySet<string> = new Set();
  #lastRefresh = Number.NEGATIVE_INFINITY;
  /** The refresh that has not begun its query. */
  #next: Promise<void> | undefined;
  /** The last query. */
  #query: Promise<readonly string[]> = Promise.resolve([]);
  #waiting = 0;

  constructor(registry: Pick<Registry, 'activeKeyDigests'>) {
    this.#registry = registry;
  }

  /**
   * Returns whether a key is active, or was a moment ago. A key that is not known yet waits for the next
   * refresh, since it may have been created after the last one.
   */
  async has(digest: string): Promise<boolean> {
    if (this.#digests.has(digest)) return true;
    if (this.#waiting >= maxWaiting) return false;
    this.#waiting += 1;
    try {
      await this.#refreshed();
    } finally {
      this.#waiting -= 1;
    }
    return this.#digests.has(digest);
  }

  /** Fulfilled once the digests are read anew by a query that begins after this call. */
  #refreshed(): Promise<void> {
    this.#next ??= this.#refreshWhenDue();
    return this.#next;
  }

  async #refreshWhenDue(): Promise<void> {
    await this.#query.catch(() => {});
    const wait = this.#lastRefresh + refreshInterval - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait).unref());
    // From here on a caller has to wait for the next query, which sees what this one may not.
    this.#next = undefined;
    this.#lastRefresh = performance.now();
    this.#query = this.#registry.activeKeyDigests();
    this.#digests = new Set(await this.#query);
  }
}
