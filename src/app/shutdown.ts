import type { Log } from '../telemetry/log.ts';

/** A step of a shutdown. */
export interface ShutdownStep {
  /** Completes the sentence "... did not end in time". */
  name: string;
  /** When the step is abandoned, from the start of the shutdown (ms). */
  until: number;
  run: () => Promise<unknown>;
}

/**
 * When requests and deliveries in progress are abandoned, from the start of the shutdown (ms). The server has closed
 * their connections by then.
 */
export const drainUntil = 7_300;

/** Maximum duration of a shutdown (ms). Container runtimes kill a process after ten seconds. */
export const shutdownTimeout = 8_900;

/**
 * Runs the steps of a shutdown one after the other. If a step takes too long, such as because another machine does not
 * respond, it is logged and abandoned. If it fails, it is logged.
 */
export async function shutDown(steps: readonly ShutdownStep[], log: Log): Promise<void> {
  const start = performance.now();
  for (const { name, until, run } of steps) {
    try {
      const isDone = await settlesWithin(run(), start + until - performance.now());
      if (!isDone)
        log.warn(`Shutdown: ${name} did not end in time and was abandoned. No acknowledged lead is lost.`);
    } catch (error) {
      log.error({ err: error }, `Shutdown: ${name} failed. No acknowledged lead is lost.`);
    }
  }
}

/** Stops parts at the same time. @throws the first error, once each part has stopped or failed */
export async function stopAll(parts: readonly ({ stop(): Promise<unknown> } | undefined)[]): Promise<void> {
  const stopped = await Promise.allSettled(parts.map((part) => part?.stop()));
  for (const result of stopped) if (result.status === 'rejected') throw result.reason;
}

/** Returns whether the work is done within a time (ms). */
async function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), false);
  });
  try {
    // `race` also handles a failure after the timeout, which would otherwise end the process.
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
