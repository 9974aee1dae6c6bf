import type { Command } from 'commander';
import type { Actor } from '../store/audit.ts';
import { nameCommands } from '../text/command-name.ts';
import { printable } from '../text/terminal.ts';
import type { CommandContext, OpenStore } from './context.ts';
import { type JsonMembers, Output } from './output.ts';
import { withSuggestion } from './suggestion.ts';

/** The outputs of a running command: standard output and standard error. */
export interface Reporter<Member extends string> {
  output: Output<Member>;
  /** Writes a sentence to standard error. */
  note(sentence: string): void;
  /** Who runs the command, for the audit log of a store that the command opens itself (`store.actAs`). */
  actor: Actor;
}

/** The outputs of a running command, and the configured store. */
export interface Session<Member extends string> extends Reporter<Member>, OpenStore {}

const membersByCommand = new WeakMap<Command, JsonMembers>();

/** Returns the members of a command's JSON output with their descriptions; undefined for a group of commands. */
export function jsonMembersOf(command: Command): JsonMembers | undefined {
  return membersByCommand.get(command);
}

/**
 * Defines what a command does with the configured store, and its option `--json`. Whatever it changes through the store
 * is recorded in the audit log, in the transaction of the change, which states its subject with `audit`
 * (src/store/sql).
 *
 * If the command has `testDataOption` and it is set, the store is that of the test data.
 *
 * @param members members of its JSON output: the compiler checks the output against them, and docs/cli.md lists them
 * @param run receives the options and the positional arguments, whose types must match the command's definition
 */
export function defineAction<Member extends string, Options extends object, Arguments extends unknown[]>(
  command: Command,
  context: CommandContext,
  members: JsonMembers<Member>,
  run: (session: Session<Member>, options: Options, args: Arguments) => Promise<void>,
): Command {
  return defineStorelessAction(
    command,
    context,
    members,
    async (reporter, options: Options, args: Arguments) => {
      const { testData }: { testData?: boolean } = options;
      const { store, ...rest } = await context.open(testData);
      store.actAs(reporter.actor);
      try {
        await run({ store, ...rest, ...reporter }, options, args);
      } catch (error) {
        throw await withSuggestion(error, store);
      } finally {
        await store.close();
      }
    },
  );
}

/** Same as `defineAction`, for a command that opens its stores itself. */
export function defineStorelessAction<
  Member extends string,
  Options extends object,
  Arguments extends unknown[],
>(
  command: Command,
  context: CommandContext,
  members: JsonMembers<Member>,
  run: (reporter: Reporter<Member>, options: Options, args: Arguments) => Promise<void>,
): Command {
  membersByCommand.set(command, members);
  command.option('--json', 'print JSON: one object, or one per line for a list');
  return command.action(async (...received: unknown[]) => {
    // The casts: Commander passes what the command declares, and each caller declares it next to `run`.
    const args = received.slice(0, -2) as Arguments;
    const options = received.at(-2) as Options & { json?: boolean; wide?: boolean };
    const output = new Output<Member>(context.out, options, context.commandName);
    const note = (sentence: string) =>
      void context.err.write(`${printable(nameCommands(sentence, context.commandName))}\n`);
    const actor = { ...context.operator(), command: pathOf(command) };
    await run({ output, note, actor }, options, args);
  });
}

/** Returns the words of a command, without the name of the program. */
function pathOf(command: Command): string {
  const words = [];
  for (let each: Command | null = command; each?.parent; each = each.parent) words.unshift(each.name());
  return words.join(' ');
}
