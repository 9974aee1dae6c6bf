import parse from 'parse-duration';
import { UserError } from '../errors/user-error.ts';

/**
 * A number with a unit. The library also accepts numbers without a unit and ignores unknown units. It ignores case too,
 * but `12M` may be meant as months.
 */
const numberWithUnit = /\d+(?:\.\d+)?\s*[a-z]+/g;

/** One or more numbers with units: `90d`, `1h 30m`. */
const numbersWithUnits = new RegExp(`^(?:${numberWithUnit.source}[\\s,]*)+$`);

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Maximum duration (days). A longer one could lead to a time that is not a valid date. */
const maxDays = 1_000_000;

/**
 * Parses a duration such as `90d` or `1h 30m`. Returns milliseconds.
 *
 * @throws {UserError} if the text is not a positive duration of whole seconds, or is longer than a million days
 */
export function parseDuration(text: string): number {
  const milliseconds = sumOf(text.trim());
  if (milliseconds > maxDays * 86_400_000) {
    throw new UserError(`${JSON.stringify(text)} is too long. The maximum is ${maxDays}d.`);
  }
  if (milliseconds > 0 && milliseconds % 1000 === 0) return milliseconds;
  throw new UserError(
    `${JSON.stringify(text)} is not a duration. Use a number and a unit, such as 90d, 12h or 1h30m.`,
  );
}

/** Returns the sum of the parts of a duration (ms); 0 or NaN: the text is not a duration. */
function sumOf(text: string): number {
  const parts = numbersWithUnits.test(text) ? (text.match(numberWithUnit) ?? []) : [];
  const sum = parts.reduce((total, part) => total + (parse(part) ?? Number.NaN), 0);
  // 1.1 hours are 3960000.0000000005 ms.
  return Math.round(sum);
}

/** Formats a time relative to now, rounded, in the largest unit of which it is at least two: `47h ago`, `in 7d`. */
export function formatRelativeTime(milliseconds: number): string {
  const now = Date.now();
  const distance = Math.abs(milliseconds - now);
  const [unit, size] = units.find(([, each]) => distance >= 2 * each) ?? ['s', 1_000];
  const count = Math.round(distance / size);
  if (count === 0) return 'now';
  return milliseconds > now ? `in ${count}${unit}` : `${count}${unit} ago`;
}

/** Formats a duration of whole seconds (ms) as `90d` or `1h30m`. */
export function formatDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || '0s';
}
