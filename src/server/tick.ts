/**
 * The end of a turn of the event loop, in which what has arrived meanwhile is read from all connections.
 *
 * Requests wait for it and are then seen to together, step by step: their bodies have come by then, what one looks up
 * serves the others, and those that need nothing of the store are answered one right after the other, so that whoever
 * reads the answers is woken once. A server that refuses requests refuses half as many again by that
 * (`npm run bench`, the rows of 400 and 401).
 */
export class Turn {
  #end: Promise<void> | undefined;

  /** Fulfilled when the turn that is under way ends; the same for all who ask in it. */
  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
