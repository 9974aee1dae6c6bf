/**
 * Caches look-ups until the end of the current event-loop tick. Most requests that arrive together use the same key and
 * lead type. A change by another process applies from the next tick on, and every look-up happens while its request is
 * in progress, so no request is served with data older than the request.
 */
export class TickCache<Row> {
  #rows = new Map<string, Row | undefined>();
  #isClearScheduled = false;

  /** Returns the cached row, or calls `query` and caches its result (undefined included). */
  get(key: string, query: () => Row | undefined): Row | undefined {
    const cached = this.#rows.get(key);
    if (cached !== undefined || this.#rows.has(key)) return cached;
    const row = query();
    this.#rows.set(key, row);
    this.#scheduleClear();
    return row;
  }

  /**
   * Clears the cache. Must be called whenever this process changes, or rolls back a change to, what is cached.
   *
   * Replaces the map instead of clearing it: in V8 a cleared map links its old table to the new one, which keeps dead
   * tables alive until the next full collection.
   */
  clear(): void {
    if (this.#rows.size > 0) this.#rows = new Map();
  }

  #scheduleClear(): void {
    if (this.#isClearScheduled) return;
    this.#isClearScheduled = true;
    setImmediate(() => {
      this.#isClearScheduled = false;
      this.clear();
    });
  }
}
