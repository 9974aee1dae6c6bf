/**
 * The end of the current event-loop tick. Requests wait for it, so that those that arrived together share their store
 * look-ups and their bodies have arrived: refused requests are answered at 1.5 times the rate.
 */
export class Tick {
  #end: Promise<void> | undefined;

  /** Returns a promise that resolves when the current tick ends; all callers within a tick share it. */
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
