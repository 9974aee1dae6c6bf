import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../text/duration.ts';

/** Returns the option `--limit` of a list. */
export function limitOption(): Option {
  return new Option('--limit <n>', 'maximum number of rows')
    .argParser(parseCount)
    .default(undefined, '100 in a table, all with --json');
}

/** Returns the option `--wide` of a command that prints a table. `Output` applies it. */
export function wideOption(): Option {
  return new Option('--wide', 'print all columns and absolute times, even if the terminal is narrower');
}

/** Returns the option `--test-data` of a command that reads leads. `defineAction` applies it. */
export function testDataOption(): Option {
  return new Option('--test-data', 'test data, which was sent with test keys, instead of live data');
}

/** Parses a whole number in decimal digits. Returns NaN for any other text, such as `0x10`, `1e3` or ` 5`. */
export function parseDigits(text: string): number {
  const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** Parses a positive whole number. @throws {InvalidArgumentError} */
export function parseCount(text: string): number {
  const count = parseDigits(text);
  if (count > 0) return count;
  throw new InvalidArgumentError('It must be a whole number, at least 1.');
}

/**
 * Parses a future time: `2030-12-24`, `2030-12-24T18:00:00Z`, or a duration from now such as `7d`.
 *
 * @returns milliseconds since 1970
 * @throws {InvalidArgumentError}
 */
export function parseFutureTime(text: string): number {
  try {
    const time = isDate(text) ? parseDate(text) : Date.now() + parseDuration(text);
    if (time > Date.now()) return time;
  } catch {
    // The error below covers invalid dates and durations alike.
  }
  throw new InvalidArgumentError(
    'It must be a future date or time in UTC, such as 2030-12-24 or 2030-12-24T18:00:00Z, or a duration, such as 7d.',
  );
}

/**
 * Parses a time: `2026-11-01`, `2026-11-01T09:00:00Z`, or a duration before now such as `30d`.
 *
 * @returns milliseconds since 1970
 * @throws {InvalidArgumentError}
 */
export function parseTime(text: string): number {
  try {
    const time = isDate(text) ? parseDate(text) : Date.now() - parseDuration(text);
    if (time >= 0) return time;
  } catch {
    // The error below covers invalid dates and durations alike.
  }
  throw new InvalidArgumentError(
    'It must be a date or time in UTC, such as 2026-11-01 or 2026-11-01T09:00:00Z, or a duration before now, such as 30d.',
  );
}

function isDate(text: string): boolean {
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$/.test(text);
}

/** Parses an ISO 8601 date or time in UTC (ms since 1970). NaN: there is no such day, such as 30 February. */
function parseDate(text: string): number {
  const time = Date.parse(text);
  // `Date.parse` would return 2 March for 30 February.
  const isSameDay = !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text.slice(0, 10);
  return isSameDay ? time : Number.NaN;
}

/** Collects the values of an option that can be repeated, each of them once. */
export function collect(value: string, previous: string[]): string[] {
  return previous.includes(value) ? previous : [...previous, value];
}
