import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Argument } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { Output } from './output.ts';

/** Returns the argument of a command that processes ids. @param source where the ids come from */
export function idsArgument(source: string): Argument {
  return new Argument(
    '<id...>',
    `${source}; \`-\` reads them from standard input, one per line, or as \`--json\` prints a list`,
  );
}

/**
 * Returns the ids in the arguments of a command, with those in standard input in place of `-`.
 *
 * @throws {UserError} if standard input is a table, or a line contains no id
 */
export async function readIds(words: readonly string[], input: Readable): Promise<string[]> {
  if (!words.includes('-')) return [...words];
  const lines = (await text(input)).split('\n').map((line) => line.trim());
  const read = idsIn(lines.filter((line) => line !== ''));
  return words.flatMap((word) => (word === '-' ? read : [word]));
}

/** Headings of a table whose first column contains ids. */
const headings = /^ID(?: {2,}[A-Z]+(?: [A-Z]+)*)+$/;

function idsIn(lines: readonly string[]): string[] {
  const [first] = lines;
  if (first !== undefined && headings.test(first)) {
    throw new UserError(
      'This is a table: add --json to the command that prints the list. Nothing was changed.',
    );
  }
  return lines.map(idIn);
}

function idIn(line: string): string {
  if (!line.startsWith('{')) {
    if (!/\s/.test(line)) return line;
    // The line itself may contain personal data.
    throw new UserError(
      'A line of standard input is neither an id nor JSON. Pass one id per line, or the output of a list with --json. Nothing was changed.',
    );
  }
  const id = memberId(line);
  if (typeof id === 'string') return id;
  throw new UserError(
    `This line of standard input has no text member \`id\`: ${line.slice(0, 80)}. Pass one id per line, or the output of a list with --json.`,
  );
}

function memberId(line: string): unknown {
  try {
    return JSON.parse(line).id;
  } catch {
    return undefined;
  }
}

/**
 * Processes ids one after the other. If one is refused, the others are still processed; after any other error, such as
 * one of the store, they are not. An empty list is not an error, so that scripts need not check for it.
 *
 * @throws {AggregateError} at the end, with the error of each id that failed
 */
export async function processIds(
  output: Output,
  ids: readonly string[],
  processOne: (id: string) => Promise<void>,
): Promise<void> {
  if (ids.length === 0) await output.empty('Standard input contains no ids. Nothing was changed.');
  const errors: unknown[] = [];
  for (const id of ids) {
    try {
      await processOne(id);
    } catch (error) {
      errors.push(error);
      if (!(error instanceof UserError)) break;
    }
  }
  if (errors.length > 0) throw new AggregateError(errors);
}
