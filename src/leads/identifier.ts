import { randomInt } from 'node:crypto';

const width = 10;
/** How many digits of the sequence count on by themselves; the others change with every thousandth name. */
const lastDigits = 2;
const sequenceStart = 2 ** 38 - 1;

/** All texts of the last digits: to write a number in base 32 takes longer than all the rest. */
const endings = Array.from({ length: 32 ** lastDigits }, (_, value) => inBase32(value, lastDigits));

let millisecond = 0;
let time = '';
let sequence = 0;
let ending = 0;
let beginning = '';

/**
 * A new name for a lead, a submission or a key: 20 lower-case letters and digits that sort by the
 * time they were made. Ten of them are the millisecond and ten a sequence with a random start, each
 * in base 32, whose digits ASCII keeps in order. Twenty is what a dialler's field for a foreign
 * reference holds. Within a process the names rise even while the clock is set back.
 */
export function newIdentifier(now: number = Date.now()): string {
  ending += 1;
  if (now > millisecond) {
    millisecond = now;
    time = inBase32(now, width);
    sequence = randomInt(sequenceStart);
    ending = randomInt(endings.length);
    beginning = time + inBase32(sequence, width - lastDigits);
  } else if (ending === endings.length) {
    sequence += 1;
    ending = 0;
    beginning = time + inBase32(sequence, width - lastDigits);
  }
  return beginning + endings[ending];
}

/** Every name that was made before a time, in milliseconds since 1970, sorts before this. */
export function identifierBound(time: number): string {
  return inBase32(Math.max(0, time), width);
}

function inBase32(value: number, digits: number): string {
  return value.toString(32).padStart(digits, '0');
}
