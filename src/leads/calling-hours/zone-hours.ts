import { Temporal } from 'temporal-polyfill';
import type { Holidays } from './holidays.ts';
import type { TimeInterval } from './time-interval.ts';
import type { WeeklyHours } from './weekly-hours.ts';

const millisecondsPerMinute = 60_000;

/** A part of a local day with a constant offset from UTC. */
interface ClockSpan {
  /** Instants (ms since 1970). */
  start: number;
  end: number;
  /** What a clock shows at `start` (ms since midnight). */
  clock: number;
}

/**
 * Returns when calls are permitted on a local day: at every instant at which a clock in the time zone shows a permitted
 * time. When clocks are set forward, the skipped times do not occur; when they are set back, repeated times occur
 * twice.
 *
 * @param date in the time zone
 */
export function permittedOnDay(
  date: Temporal.PlainDate,
  zone: string,
  weekly: WeeklyHours,
  holidays: Holidays,
): TimeInterval[] {
  const spans = weekly[date.dayOfWeek - 1] ?? [];
  if (spans.length === 0 || holidays.includes(date.toString())) return [];
  const permitted: TimeInterval[] = [];
  for (const { start, end, clock } of clockSpans(date, zone)) {
    for (const span of spans) {
      const from = Math.max(start, start + span.start * millisecondsPerMinute - clock);
      const to = Math.min(end, start + span.end * millisecondsPerMinute - clock);
      if (from < to) permitted.push({ start: from, end: to });
    }
  }
  return permitted;
}

/** Splits a local day at the changes of its offset from UTC. */
function clockSpans(date: Temporal.PlainDate, zone: string): ClockSpan[] {
  const end = date.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds;
  const spans: ClockSpan[] = [];
  let from: Temporal.ZonedDateTime | null = date.toZonedDateTime(zone);
  while (from !== null && from.epochMilliseconds < end) {
    const next: Temporal.ZonedDateTime | null = from.getTimeZoneTransition('next');
    const until = Math.min(next?.epochMilliseconds ?? end, end);
    const midnight = new Temporal.PlainTime();
    const clock = from.toPlainTime().since(midnight).total('milliseconds');
    spans.push({ start: from.epochMilliseconds, end: until, clock });
    from = next;
  }
  return spans;
}

/** Returns the local date at an instant. @param time milliseconds since 1970 */
export function localDate(time: number, zone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(zone).toPlainDate();
}
