/**
 * The current event-loop tick. Requests wait for its end, so that requests that arrive together share their look-ups in
 * the store, and so that most bodies have arrived when they are read.
 */
export class Tick {
  #end: Promise<void> | undefined;

  /** Returns a promise that resolves when the current tick ends; all callers within a tick share it. */
  ended(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
