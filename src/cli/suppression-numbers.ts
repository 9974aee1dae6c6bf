import type { Readable } from 'node:stream';
import { Argument } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { readNumbers } from './mobile-option.ts';

/** Returns the argument of a command that processes phone numbers. @param isRequired whether there must be one */
export function numbersArgument(isRequired = true): Argument {
  return new Argument(
    isRequired ? '<number...>' : '[number...]',
    'phone numbers, in any notation that partners can send; `-` reads them from standard input, one per line, so that other users of the machine cannot see them',
  );
}

/**
 * Reads the phone numbers in the arguments of a command, with those in standard input in place of `-`.
 *
 * @throws {UserError} if one is not valid
 */
export async function readMobiles(
  words: readonly string[],
  input: Readable,
  parsePhone: ParsePhone,
): Promise<readonly string[]> {
  const { mobiles, invalid } = await readNumbers(words, input, parsePhone);
  const [first] = invalid;
  if (first === undefined) return mobiles;
  const which =
    invalid.length === 1
      ? `${JSON.stringify(first.slice(0, 80))} is not a valid phone number`
      : `${invalid.length} of the numbers are not valid, such as ${JSON.stringify(first.slice(0, 80))}`;
  throw new UserError(
    `${which}. Nothing was changed. Write each as a national number, or with + and the country code.`,
  );
}
