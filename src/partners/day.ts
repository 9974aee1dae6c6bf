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
