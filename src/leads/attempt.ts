/**
 * What one try to hand a lead to the dialler came to: `taken` (the dialler has it), `refused` (for
 * good: another try would be refused too), `unavailable` (the dialler surely has not got it, and can be
 * tried again) or `unknown` (nobody can tell: it was sent, and no clear answer came).
 */
export type AttemptOutcome = 'delivered' | 'rejected' | 'unavailable' | 'unknown';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * The pauses between one try and the next, in milliseconds: ten tries over three days, as Standard
 * Webhooks 1.0.0 ("Deliverability and reliability") proposes.
 */
export const retrySchedule: readonly number[] = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** By how much a pause is stretched or shortened at random, so that failed leads do not come back all at once. */
const jitter = 0.2;

/**
 * How long to wait before a lead is tried again, in milliseconds; undefined where it ran out of tries.
 *
 * @param tries how many there were
 * @param askedFor the pause that the dialler itself asked for (`Retry-After`): it is not come before
 */
export function retryDelay(
  attempts: number,
  askedFor = 0,
  pauses: readonly number[] = retrySchedule,
): number | undefined {
  const pause = pauses[attempts - 1];
  if (pause === undefined) return undefined;
  return Math.max(askedFor, Math.round(pause * (1 - jitter + 2 * jitter * Math.random())));
}
