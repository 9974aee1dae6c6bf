import { createInterface } from 'node:readline/promises';
import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { printable } from '../text/terminal.ts';
import type { CommandContext } from './context.ts';

/** Returns the option of a command that asks for confirmation. */
export function yesOption(): Option {
  return new Option('--yes', 'do not ask for confirmation');
}

/**
 * Asks for confirmation in a terminal before a change that cannot be undone.
 *
 * @param change what happens, as a sentence without its full stop
 * @throws {UserError} if the answer is not yes, or there is no terminal
 */
export async function confirm(
  { input, err }: Pick<CommandContext, 'input' | 'err'>,
  change: string,
): Promise<void> {
  if (!('isTTY' in input && input.isTTY)) {
    throw new UserError(
      `${change}. There is no terminal to ask for confirmation, so nothing was changed. Pass --yes to confirm.`,
    );
  }
  const terminal = createInterface({ input, output: err });
  try {
    const answer = await terminal.question(`${printable(change)}. Continue? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new UserError('Nothing was changed.');
}
