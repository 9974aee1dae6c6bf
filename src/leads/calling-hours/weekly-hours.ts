import { UserError } from '../../errors/user-error.ts';

/** Part of a day, in minutes since its midnight by the clock. `end` is exclusive. */
export interface DaySpan {
  start: number;
  end: number;
}

/** The spans of each weekday, from Monday, in order and without overlaps. Those that cross midnight are split. */
export type WeeklyHours = readonly (readonly DaySpan[])[];

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

const minutesPerDay = 24 * 60;

const example = 'Write them like "Mon-Fri 09:00-20:00, Sat 10:00-16:00".';

/** Hours of consecutive weekdays, as they are written. */
interface Entry {
  /** Indexes of the first and the last weekday. */
  first: number;
  last: number;
  /** Minutes since midnight. */
  start: number;
  end: number;
}

/**
 * Parses weekly hours such as `Mon-Fri 09:00-20:00, Sat 10:00-16:00`. An end that is not after its start is on the next
 * day: `Fri 22:00-02:00`.
 *
 * @throws {UserError} that states what is wrong
 */
export function parseWeeklyHours(text: string): WeeklyHours {
  const days: DaySpan[][] = weekdays.map(() => []);
  for (const { first, last, start, end } of parseEntries(text)) {
    for (const day of daysFrom(first, last)) {
      if (end > start) {
        addSpan(days, day, { start, end });
      } else {
        addSpan(days, day, { start, end: minutesPerDay });
        if (end > 0) addSpan(days, (day + 1) % weekdays.length, { start: 0, end });
      }
    }
  }
  return days.map((spans) => spans.toSorted((one, other) => one.start - other.start));
}

/** Returns weekly hours in the notation in which they are stored and shown. @throws {UserError} as `parseWeeklyHours` */
export function normaliseWeeklyHours(text: string): string {
  parseWeeklyHours(text);
  const days = ({ first, last }: Entry) =>
    first === last ? weekdays[first] : `${weekdays[first]}-${weekdays[last]}`;
  return parseEntries(text)
    .map((entry) => `${days(entry)} ${formatTime(entry.start)}-${formatTime(entry.end)}`)
    .join(', ');
}

function parseEntries(text: string): Entry[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === '')) {
    throw new UserError(`The calling hours ${JSON.stringify(text)} have an empty part. ${example}`);
  }
  return parts.map(parseEntry);
}

function parseEntry(text: string): Entry {
  const match = /^([a-z]+)(?:\s*[-–]\s*([a-z]+))?\s+(\S+?)\s*[-–]\s*(\S+)$/i.exec(text);
  if (match === null) {
    throw new UserError(`The calling hours ${JSON.stringify(text)} are not days and times. ${example}`);
  }
  const [, firstDay = '', lastDay = firstDay, startTime = '', endTime = ''] = match;
  const [start, end] = [parseTime(startTime), parseTime(endTime)];
  if (start === minutesPerDay) throw new UserError('Calling hours cannot start at 24:00. Use 00:00.');
  if (start === end) {
    throw new UserError(
      `The calling hours ${JSON.stringify(text)} end when they start. For a whole day, use 00:00-24:00.`,
    );
  }
  return { first: parseDay(firstDay), last: parseDay(lastDay), start, end };
}

function parseDay(text: string): number {
  const day = weekdays.findIndex((name) => {
    const given = text.toLowerCase();
    return given === name.toLowerCase() || longNames[name].toLowerCase() === given;
  });
  if (day >= 0) return day;
  throw new UserError(`${JSON.stringify(text)} is not a weekday. Use ${weekdays.join(', ')}.`);
}

const longNames: Record<(typeof weekdays)[number], string> = {
  Mon: 'Monday',
  Tue: 'Tuesday',
  Wed: 'Wednesday',
  Thu: 'Thursday',
  Fri: 'Friday',
  Sat: 'Saturday',
  Sun: 'Sunday',
};

/** Parses `09:00` to minutes since midnight. */
function parseTime(text: string): number {
  const [, hours, minutes] = (/^(\d\d?):(\d\d)$/.exec(text) ?? []).map(Number);
  if (hours !== undefined && minutes !== undefined && minutes < 60) {
    const time = hours * 60 + minutes;
    if (time <= minutesPerDay) return time;
  }
  throw new UserError(`${JSON.stringify(text)} is not a time of day. Use 00:00 to 24:00, such as 09:30.`);
}

function formatTime(minutes: number): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  return `${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}`;
}

/** Returns the weekdays from the first to the last one, across the end of the week if the last one is earlier. */
function daysFrom(first: number, last: number): number[] {
  const count = ((last - first + weekdays.length) % weekdays.length) + 1;
  return Array.from({ length: count }, (_, index) => (first + index) % weekdays.length);
}

function addSpan(days: DaySpan[][], day: number, span: DaySpan): void {
  const spans = days[day] ?? [];
  if (spans.some(({ start, end }) => span.start < end && start < span.end)) {
    throw new UserError(`The calling hours of ${weekdays[day]} overlap. List each time of a day once.`);
  }
  spans.push(span);
}
