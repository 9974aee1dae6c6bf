import { Argument } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { CommandContext, OpenStore } from './context.ts';
import { readNumbers } from './mobile-option.ts';

/** Returns the argument of a command about people. @param name `<number>`, or `<number...>` for several people */
export function numberArgument(name: string): Argument {
  return new Argument(
    name,
    'phone number, in any notation that partners can send; `-` reads it from standard input, so that `ps` does not show it',
  );
}

/** Reads the phone number of one person (E.164). @throws {UserError} if it is not valid, or there are several */
export async function readNumber(
  word: string,
  { input }: Pick<CommandContext, 'input'>,
  { parsePhone }: Pick<OpenStore, 'parsePhone'>,
): Promise<string> {
  const { mobiles } = await readNumbers([word], input, parsePhone);
  const [mobile] = mobiles;
  if (mobile !== undefined && mobiles.length === 1) return mobile;
  throw new UserError('Pass one valid phone number: a national number, or one with + and the country code.');
}
