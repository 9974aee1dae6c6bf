import { Command, CommanderError } from 'commander';
import { readConfig, readEnvironmentFile } from '../app/config.ts';
import { ConfigError } from '../environment/variables.ts';
import { UserError } from '../errors/user-error.ts';
import { phoneParser } from '../leads/phone.ts';
import { openStore, repairStore } from '../store/open.ts';
import { storeUrlOf } from '../store/store-argument.ts';
import { printable, printableLines } from '../text/terminal.ts';
import { deliveryCommand } from './delivery.ts';
import { dueCommand } from './due.ts';
import { keyCommand } from './key.ts';
import { leadCommand } from './lead.ts';
import { partnerCommand } from './partner.ts';
import { pruneCommand } from './prune.ts';
import type { CommandContext } from './session.ts';
import { storeCommand } from './store.ts';
import { submissionCommand } from './submission.ts';
import { typeCommand } from './type.ts';
import { watchCommand } from './watch.ts';

const context: CommandContext = {
  open: async () => {
    const { databaseUrl, databaseConnections, defaultCountry, dialWithin } = await readConfig();
    const store = await openStore(databaseUrl, databaseConnections);
    return { store, parsePhone: phoneParser(defaultCountry), dialWithin };
  },
  storeUrl: (argument) => {
    readEnvironmentFile();
    return storeUrlOf(argument, process.env);
  },
  openUrl: (url) => openStore(url),
  repair: async () => repairStore((await readConfig()).databaseUrl),
  out: process.stdout,
  err: process.stderr,
};

/** Runs the command that the process's arguments name, and leaves its exit code with the process. */
export async function runCommand(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    process.exitCode = exitCodeAfter(error);
  }
}

function program(): Command {
  const root = new Command('leads').description(
    'The operator’s command: partners, keys and types, and what became of each lead.\n' +
      'It works beside a running server, on the store that DATABASE_URL names.',
  );
  for (const command of [
    typeCommand(context),
    partnerCommand(context),
    keyCommand(context),
    leadCommand(context),
    submissionCommand(context),
    dueCommand(context),
    deliveryCommand(context),
    watchCommand(context),
    pruneCommand(context),
    storeCommand(context),
  ]) {
    root.addCommand(command);
  }
  tidy(root);
  return root;
}

/** Minimum width (columns) of descriptions in help texts: with less they would run past the edge of an 80-column terminal. */
const minWidthToWrap = 20;

/** Gives every command of the tree the same manners. */
function tidy(command: Command): void {
  command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ sortSubcommands: false, minWidthToWrap })
    .configureOutput({ outputError: (text, write) => write(`${printable(sentence(text))}\n`) });
  for (const subcommand of command.commands) tidy(subcommand);
}

/** Commander says `error: unknown option '--x'`; a person reads a sentence. */
function sentence(text: string): string {
  const plain = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ');
  return ended(plain.charAt(0).toUpperCase() + plain.slice(1));
}

/** A message with a full stop, unless it ends a sentence already. */
function ended(message: string): string {
  return /[.?!)]$/.test(message) ? message : `${message}.`;
}

function exitCodeAfter(error: unknown): number {
  // Commander has said already what is wrong, or has shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode;
  const expected = error instanceof UserError || error instanceof ConfigError;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${printableLines(expected ? message : ended(`The command failed: ${message}`))}\n`);
  return 1;
}
