import { randomInt } from 'node:crypto';

/** Number of digits (base 32) of the timestamp, and of the sequence. */
const width = 10;

/**
 * Number of digits at the end of the sequence that are formatted in advance; the others change every 1,024 identifiers.
 */
const suffixWidth = 2;

/** Exclusive maximum of the random start of a sequence. It leaves room to increase within the same millisecond. */
const maxSequenceStart = 2 ** 38 - 1;

/** All suffixes, formatted once, because formatting takes longer than the rest of `newIdentifier`. */
const suffixes = Array.from({ length: 32 ** suffixWidth }, (_, value) => base32(value, suffixWidth));

let millisecond = 0;
let timestamp = '';
let sequence = 0;
let suffix = 0;
let prefix = '';

/**
 * Returns a new identifier: 20 lower-case letters and digits that sort by creation time. Ten are the millisecond and
 * ten a sequence with a random start, both in base 32, whose digits are in ASCII order. Twenty characters fit a
 * dialler's field for an external reference. Identifiers of one process always increase, even if the clock is set back.
 */
export function newIdentifier(now: number = Date.now()): string {
  suffix += 1;
  if (now > millisecond) {
    millisecond = now;
    timestamp = base32(now, width);
    sequence = randomInt(maxSequenceStart);
    suffix = randomInt(suffixes.length);
    prefix = timestamp + base32(sequence, width - suffixWidth);
  } else if (suffix === suffixes.length) {
    sequence += 1;
    suffix = 0;
    prefix = timestamp + base32(sequence, width - suffixWidth);
  }
  return prefix + suffixes[suffix];
}

/**
 * Returns a text that sorts after every identifier made before a time, and before all others.
 *
 * @param time milliseconds since 1970
 */
export function identifierBound(time: number): string {
  return base32(Math.max(0, time), width);
}

function base32(value: number, digits: number): string {
  return value.toString(32).padStart(digits, '0');
}
