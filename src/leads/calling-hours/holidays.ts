import { Temporal } from 'temporal-polyfill';
import { UserError } from '../../errors/user-error.ts';

/** Dates on which nobody is called (`YYYY-MM-DD`), in order. */
export type Holidays = readonly string[];

/** Maximum number of dates, so that a lead type stays small. */
const maxHolidays = 1_000;

/**
 * Parses a file with a holiday on each line: a date (`YYYY-MM-DD`), and optionally a name. Empty lines and lines that
 * start with `#` are ignored.
 *
 * @throws {UserError} that names the invalid line
 */
export function parseHolidayFile(text: string): Holidays {
  const dates = new Set<string>();
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const [, date] = /^(\d{4}-\d\d-\d\d)(?:[\s,;].*)?$/.exec(entry) ?? [];
    if (date === undefined || !isDate(date)) {
      throw new UserError(
        `Line ${index + 1} of the holidays is not a date. Write one date on each line, such as "2026-12-25 Christmas Day".`,
      );
    }
    dates.add(date);
  }
  if (dates.size > maxHolidays) {
    throw new UserError(`There are ${dates.size} holidays. Up to ${maxHolidays} are possible.`);
  }
  return [...dates].toSorted();
}

function isDate(text: string): boolean {
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
}
