/** Runs a task at intervals, never twice at once. Its timer does not keep the process running. */
export class PeriodicTask {
  readonly #run: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  /** The run in progress, if there is one. */
  #running: Promise<void> = Promise.resolve();

  /**
   * @param interval milliseconds
   * @param run never rejects
   */
  constructor(interval: number, run: () => Promise<void>) {
    this.#run = run;
    this.#timer = setInterval(() => this.#start(), interval).unref();
  }

  /** Stops the timer, and runs the task a last time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#start();
    await this.#running;
  }

  #start(): void {
    this.#running = this.#running.then(this.#run);
  }
}
