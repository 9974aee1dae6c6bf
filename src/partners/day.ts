/** Length of a day (ms). */
const length = 86_400_000;

/** Returns the start of a day (UTC), by which requests of partners are counted (ms since 1970). @param time in that day */
export function startOfDay(time: number): number {
  return time - (time % length);
}

/** Returns the time until the next day (UTC) begins (s). @param time milliseconds since 1970 */
export function secondsUntilNextDay(time: number): number {
  return Math.ceil((startOfDay(time) + length - time) / 1_000);
}

/** Number of days in a period without a first day. */
const defaultDays = 7;

/**
 * Returns a period of whole days (UTC): from the start of the first one until the end of the last one.
 *
 * @param days a time in the first day (default: six days before the last one), and one in the last day (default: today)
 */
export function periodOf(days: { from?: number | undefined; to?: number | undefined }): {
  from: number;
  before: number;
} {
  const last = startOfDay(days.to ?? Date.now());
  const from = days.from === undefined ? last - (defaultDays - 1) * length : startOfDay(days.from);
  return { from, before: last + length };
}
