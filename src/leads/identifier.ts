import { randomInt } from 'node:crypto';

const width = 10;
const sequenceStart = 2 ** 48 - 1;

let millisecond = 0;
let time = '';
let sequence = 0;

/**
 * A new name for a lead, a submission or a key: 20 lower-case letters and digits that sort by the
 * time they were made. Ten of them are the millisecond and ten a sequence with a random start, each
 * in base 32, whose digits ASCII keeps in order. Twenty is what a dialler's field for a foreign
 * reference holds. Within a process the names rise even while the clock is set back.
 */
export function newIdentifier(now: number = Date.now()): string {
  if (now > millisecond) {
    millisecond = now;
    time = now.toString(32).padStart(width, '0');
    sequence = randomInt(sequenceStart);
  } else {
    sequence += 1;
  }
  return time + sequence.toString(32).padStart(width, '0');
}

/** Every name that was made before a time, in milliseconds since 1970, sorts before this. */
export function identifierBound(time: number): string {
  return Math.max(0, time).toString(32).padStart(width, '0');
}
