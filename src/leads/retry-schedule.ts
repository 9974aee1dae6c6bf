const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * Delays between consecutive attempts (ms): ten attempts over three days, as Standard Webhooks 1.0.0 proposes
 * ("Deliverability and reliability").
 */
export const defaultRetrySchedule: readonly number[] = [
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

/**
 * Delays between consecutive attempts to withdraw a lead from the dialler (ms): frequent for two hours, because its
 * person may be called meanwhile, then as for deliveries.
 */
export const withdrawalRetrySchedule: readonly number[] = [
  5 * second,
  ...Array<number>(19).fill(30 * second),
  ...Array<number>(55).fill(2 * minute),
  ...defaultRetrySchedule.slice(3),
];

/** Maximum random change of a delay (fraction), so that leads that failed together are not retried together. */
const jitter = 0.2;

/**
 * Returns the delay before the next attempt (ms); undefined: no attempts are left.
 *
 * @param attempts number of attempts so far
 * @param retryAfter minimum delay that the dialler requested (ms)
 */
export function retryDelay(
  attempts: number,
  retryAfter = 0,
  schedule: readonly number[] = defaultRetrySchedule,
): number | undefined {
  const delay = schedule[attempts - 1];
  if (delay === undefined) return undefined;
  return Math.max(retryAfter, Math.round(delay * (1 - jitter + 2 * jitter * Math.random())));
}
