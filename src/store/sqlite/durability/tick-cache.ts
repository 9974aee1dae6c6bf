/**
 * Remembers what was looked up for the rest of one turn of the event loop: of the requests that arrive together,
 * most have the same key and type, and each look-up takes 6 microseconds. What another process changes counts from
 * the next turn on, so nothing that is out of date is told: it was looked up while the request was under way.
 */
export class TickCache<Row> {
  #rows = new Map<string, Row | undefined>();
  #isTurnAwaited = false;

  /** What `ask` gives, or gave in this turn under the same name. */
  get(name: string, ask: () => Row | undefined): Row | undefined {
    const known = this.#rows.get(name);
    if (known !== undefined || this.#rows.has(name)) return known;
    const row = ask();
    this.#rows.set(name, row);
    this.#awaitTurn();
    return row;
  }

  /**
   * Forgets everything. It must be called where this process changes, or undoes, what is looked up.
   *
   * The map is left, not cleared: a map that is cleared links its old table to the new one, so that one that had grown
   * old kept all later ones alive, and full collections came half as often again.
   */
  forget(): void {
    if (this.#rows.size > 0) this.#rows = new Map();
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    setImmediate(() => {
      this.#isTurnAwaited = false;
      this.forget();
    });
  }
}
