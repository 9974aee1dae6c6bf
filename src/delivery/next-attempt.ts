import { retryDelay } from '../leads/retry-schedule.ts';
import type { DiallerPause } from './dialler.ts';

/**
 * Returns the delay before the next attempt after one that has failed (ms); undefined: there is none.
 *
 * @param minimum minimum delay (ms)
 * @param pause the pause that the attempt caused. It delays the lead: once an operator ends it, the lead is due.
 */
export function delayUntilNextAttempt(
  attemptNumber: number,
  minimum: number,
  pause: DiallerPause | undefined,
  retrySchedule: readonly number[],
): number | undefined {
  const delay = retryDelay(attemptNumber, minimum, retrySchedule);
  const isUntilResumed = pause !== undefined && pause.retryAfter === undefined;
  return delay !== undefined && isUntilResumed ? minimum : delay;
}

/** Whether an attempt does not count: its lead was not sent, or was refused, because of a pause that ends by itself. */
export function isUncounted({ outcome, pause }: { outcome: string; pause?: DiallerPause }): boolean {
  return outcome === 'unavailable' && pause?.retryAfter !== undefined;
}
