/** The sleep of a loop that looks for work. A change that brings work ends it. */
export class Sleeper {
  #isWoken = false;
  #isStopped = false;
  #end = () => {};

  /** Whether the loop must end. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Begins to look for work: a change from here on ends the next sleep, even before it begins. */
  expectChanges(): void {
    this.#isWoken = false;
  }

  /** Resolves after a time (ms), or earlier if there was a change. */
  sleep(milliseconds: number): Promise<void> {
    if (this.#isWoken || this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the sleep, because there was a change. */
  wake(): void {
    this.#isWoken = true;
    this.#end();
  }

  /** Ends this sleep and every later one. */
  stop(): void {
    this.#isStopped = true;
    this.wake();
  }
}
