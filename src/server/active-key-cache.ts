import type { PartnerKeys } from '../store/partner-keys.ts';

/** Minimum time between two refreshes (ms). */
const refreshInterval = 250;

/** Maximum number of requests that wait for a refresh. */
const maxWaiting = 1_000;

/**
 * Caches the digests of all active keys (neither revoked nor expired, of an active partner). If an address has too many
 * failures, the server looks up its keys only if they are active: a flood of invalid keys then costs a few queries a
 * second, and valid keys still work. The cache decides which keys are looked up, never which are accepted.
 */
export class ActiveKeyCache {
  readonly #store: Pick<PartnerKeys, 'activeKeyDigests'>;
  #digests = new Set<string>();
  #lastRefresh = Number.NEGATIVE_INFINITY;
  /** The refresh that has not started its query yet. */
  #next: Promise<void> | undefined;
  #lastQuery: Promise<readonly string[]> = Promise.resolve([]);
  #waiting = 0;

  constructor(store: Pick<PartnerKeys, 'activeKeyDigests'>) {
    this.#store = store;
  }

  /**
   * Returns whether a key is active, or was at the last refresh. An unknown key waits for the next refresh, because it
   * may be newer than the last one.
   */
  async has(digest: string): Promise<boolean> {
    if (this.#digests.has(digest)) return true;
    if (this.#waiting >= maxWaiting) return false;
    this.#waiting += 1;
    try {
      await this.#refresh();
    } finally {
      this.#waiting -= 1;
    }
    return this.#digests.has(digest);
  }

  /** Removes a key that proved inactive, so that it is not looked up again. */
  delete(digest: string): void {
    this.#digests.delete(digest);
  }

  /** Resolves once a query that starts after this call has refreshed the digests. */
  #refresh(): Promise<void> {
    this.#next ??= this.#refreshWhenDue();
    return this.#next;
  }

  async #refreshWhenDue(): Promise<void> {
    // Its error has been thrown to the callers that waited for it.
    await this.#lastQuery.catch(() => {});
    const wait = this.#lastRefresh + refreshInterval - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait).unref());
    // From now on, callers must wait for the next query: this one may not include a newer key.
    this.#next = undefined;
    this.#lastRefresh = performance.now();
    this.#lastQuery = this.#store.activeKeyDigests();
    this.#digests = new Set(await this.#lastQuery);
  }
}
