import parse from 'parse-duration';
import { UserError } from '../errors/user-error.ts';

/** A number and its unit, once or more: `90d`, `1h 30m`. A bare number could be anything. */
const written = /^(?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*)+$/i;

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Reads `90d` or `1h 30m` as milliseconds. @throws {UserError} where it is no duration of whole seconds */
export function readDuration(text: string): number {
  const milliseconds = written.test(text.trim()) ? parse(text) : null;
  if (milliseconds !== null && milliseconds > 0 && milliseconds % 1000 === 0) return milliseconds;
  throw new UserError(
    `${JSON.stringify(text)} is no duration; write a number and its unit, such as 90d, 12h or 1h30m.`,
  );
}

/** Writes whole seconds, given in milliseconds, as `90d` or `1h30m`. */
export function writeDuration(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || '0s';
}
