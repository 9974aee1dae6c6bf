import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { printable } from '../text/terminal.ts';
import type { CommandContext } from './context.ts';
import { isTerminal } from './is-terminal.ts';

/** Standard input, and standard error for the question. */
type Terminal = Pick<CommandContext, 'input' | 'err'>;

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
export async function confirm(terminal: Terminal, change: string): Promise<void> {
  if (!isTerminal(terminal.input)) {
    throw new UserError(
      `${change}. There is no terminal to ask for confirmation, so nothing was changed. Pass --yes to confirm.`,
    );
  }
  const answer = await ask(terminal, `${change}. Continue? [y/N] `);
  if (!/^y(es)?$/i.test(answer)) throw new UserError('Nothing was changed.');
}

/**
 * Same as `confirm`, for a command whose standard input contained its ids: asks in the terminal of the process.
 *
 * @throws {UserError} if the answer is not yes, or there is no terminal
 */
export async function confirmElsewhere(context: CommandContext, change: string): Promise<void> {
  const terminal = context.openTerminal();
  if (terminal === undefined) {
    throw new UserError(
      `${change}. Standard input contains the ids, and there is no terminal to ask for confirmation, so nothing was changed. Pass --yes to confirm.`,
    );
  }
  try {
    await confirm(terminal, change);
  } finally {
    terminal.input.destroy();
    terminal.err.destroy();
  }
}

/**
 * Asks a question in a terminal, and returns the answer without white space around it.
 *
 * @throws {UserError} if there is no answer: the person ends the command (Ctrl-C or Ctrl-D) or closes the terminal
 */
export function ask(terminal: Terminal, question: string): Promise<string> {
  return answerTo(question, createInterface({ input: terminal.input, output: terminal.err }));
}

/** Same as `ask`, but the terminal does not show what the person types. */
export async function askSecretly({ input, err }: Terminal, question: string): Promise<string> {
  err.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await answerTo('', createInterface({ input, output: nowhere, terminal: true }));
  } finally {
    err.write('\n');
  }
}

async function answerTo(question: string, terminal: Interface): Promise<string> {
  const closed = new AbortController();
  // Without the signal, a question to a terminal that is closed would never settle.
  terminal.once('close', () => closed.abort());
  try {
    return (await terminal.question(printable(question), { signal: closed.signal })).trim();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    throw new UserError('Nothing was changed.', { cause: error });
  } finally {
    terminal.close();
  }
}
