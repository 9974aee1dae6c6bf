import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { collect } from './arguments.ts';

/** Returns the option `--mobile`, which restricts a list to people. */
export function mobileOption(): Option {
  return new Option(
    '--mobile <number>',
    'only leads of this phone number, in any notation that partners can send; can be repeated; `-` reads the numbers from standard input, one per line',
  ).argParser((value: string, previous: string[] | undefined) => collect(value, previous ?? []));
}

/** Phone numbers that an operator has passed. */
export interface ReadNumbers {
  /** The valid ones (E.164), each of them once. */
  mobiles: readonly string[];
  /** The others, as they were passed. */
  invalid: readonly string[];
}

/** Reads the phone numbers in `--mobile`, with those in standard input in place of `-`. */
export async function readNumbers(
  words: readonly string[],
  input: Readable,
  parsePhone: ParsePhone,
): Promise<ReadNumbers> {
  const read = words.includes('-') ? (await text(input)).split('\n').map((line) => line.trim()) : [];
  const numbers = words.flatMap((word) => (word === '-' ? read.filter((line) => line !== '') : [word]));
  const parsed = numbers.map((number) => ({ number, mobile: parsePhone(number) }));
  return {
    mobiles: [...new Set(parsed.flatMap(({ mobile }) => mobile ?? []))],
    invalid: parsed.filter(({ mobile }) => mobile === undefined).map(({ number }) => number),
  };
}

/** Checks that all numbers were valid. @throws {UserError} if some were not */
export function checkNumbers({ invalid }: ReadNumbers): void {
  const [first] = invalid;
  if (first === undefined) return;
  const which =
    invalid.length === 1
      ? `${JSON.stringify(first.slice(0, 80))} is not a valid phone number and was`
      : `${invalid.length} lines are not valid phone numbers, such as ${JSON.stringify(first.slice(0, 80))}, and were`;
  throw new UserError(
    `${which} not searched. Write each as a national number, or with + and the country code.`,
  );
}
