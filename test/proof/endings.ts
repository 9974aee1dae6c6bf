import { setTimeout as sleep } from 'node:timers/promises';
import type { AtEnd } from '../harness/process.ts';

/** Maximum duration of a clean-up step (ms). */
const maxDuration = 10_000;

/** Clean-up steps. They run in reverse order, each in bounded time. */
export class Endings {
  readonly #steps: (() => unknown)[] = [];
  #hasEnded = false;

  /** Adds a step. @throws if the steps have been run: whatever it would end must not begin */
  readonly add: AtEnd = (step) => {
    if (this.#hasEnded) throw new Error('The clean-up steps have been run.');
    this.#steps.unshift(step);
  };

  async run(): Promise<void> {
    this.#hasEnded = true;
    for (const step of this.#steps) {
      const late = new AbortController();
      // A failed step does not change the result of what it ends.
      const ended = Promise.resolve()
        .then(step)
        .catch(() => {});
      await Promise.race([ended, sleep(maxDuration, undefined, { signal: late.signal })]);
      late.abort();
    }
  }
}

const stepsAtExit: (() => unknown)[] = [];

/** Runs a step when this process exits, even because of an error. The step must be synchronous. */
export const atExit: AtEnd = (step) => {
  if (stepsAtExit.length === 0) process.once('exit', () => stepsAtExit.map((each) => each()));
  stepsAtExit.unshift(step);
};
