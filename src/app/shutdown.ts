import type { Log } from '../telemetry/log.ts';

/** One part of a shutdown. */
export interface ShutdownStep {
  /** Completes the sentence "... did not end in time". */
  name: string;
  /** When the step is left behind, counted from the start of the shutdown (ms). */
  until: number;
  run: () => Promise<unknown>;
}

/**
 * When requests and delivery attempts in progress are left behind, counted from the start of the shutdown (ms). The
 * server has cut their connections by then.
 */
export const drainUntil = 7_300;

/**
 * When the shutdown ends, whatever is left (ms). Container runtimes kill a process after ten seconds, and the last lines
 * of the log need a moment.
 */
export const shutdownTimeout = 8_900;

/**
 * Runs the steps of a shutdown one after the other. Each may wait for another machine that no longer responds, so a step
 * that is not done by its time is left behind and logged. A step that fails is logged, and the next one runs.
 */
export async function shutDown(steps: readonly ShutdownStep[], log: Log): Promise<void> {
  const start = performance.now();
  for (const { name, until, run } of steps) {
    try {
      const isDone = await settlesWithin(run(), start + until - performance.now());
      if (!isDone)
        log.warn(`Shutdown: ${name} did not end in time and is left behind. No acknowledged lead is lost.`);
    } catch (error) {
      log.error({ err: error }, `Shutdown: ${name} failed. No acknowledged lead is lost.`);
    }
  }
}

/** Whether the work is done within this time (ms). */
async function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), false);
  });
  // After the timeout nobody waits for it any more, and a late failure must not end the process.
  work.catch(() => {});
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
