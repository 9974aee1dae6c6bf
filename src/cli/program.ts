import { Command, CommanderError, Help, type Option } from 'commander';
import { type Config, readConfig } from '../app/config.ts';
import { readEnvironment } from '../app/env-file.ts';
import { erasureTools } from '../app/erasures.ts';
import { webhookClient } from '../app/partner-webhooks.ts';
import { withRecordedSettings } from '../app/settings.ts';
import { openConfiguredStore, openNamedStore } from '../app/store.ts';
import { type LoadedKeys, loadStoreKeys } from '../app/store-keys.ts';
import { openTestStore, openTestStoreIfPresent } from '../app/test-store.ts';
import { versionText } from '../app/version.ts';
import { ConfigError } from '../environment/variables.ts';
import { UserError } from '../errors/user-error.ts';
import { phoneParsers } from '../leads/phone.ts';
import { withTestNumbers } from '../leads/test-numbers.ts';
import { looksLikeKey } from '../partners/key.ts';
import type { Store } from '../store/store.ts';
import { storeUrlOf } from '../store/store-argument.ts';
import { redactedUrl } from '../store/store-url.ts';
import { commandName, nameCommands } from '../text/command-name.ts';
import { printable, printableLines } from '../text/terminal.ts';
import { auditCommand } from './audit.ts';
import type { CommandContext, OpenStore } from './context.ts';
import { deliveryCommand } from './delivery.ts';
import { diallerCommand } from './dialler.ts';
import { dueCommand } from './due.ts';
import { evidenceCommand } from './evidence.ts';
import { exportCommand } from './export.ts';
import { importLeadsCommand } from './import.ts';
import { keyCommand } from './key.ts';
import { leadCommand } from './lead.ts';
import { operatorIn } from './operator.ts';
import { isClosedOutput, OutputClosed } from './output.ts';
import { openTerminal } from './own-terminal.ts';
import { partnerCommand } from './partner.ts';
import { personCommand } from './person.ts';
import { pruneCommand } from './prune.ts';
import { rejectionCommand } from './rejection.ts';
import { reportCommand } from './report.ts';
import { settingsCommand } from './settings.ts';
import { storeCommand } from './store.ts';
import { submissionCommand } from './submission.ts';
import { suppressionCommand } from './suppression.ts';
import { typeCommand } from './type.ts';
import { describeUnknownCommand } from './unknown-command.ts';
import { watchCommand } from './watch.ts';
import { withdrawalCommand } from './withdrawal.ts';

/** Every command at the top level, in the order of the help. To add one, write its file and add it here. */
const commands = [
  typeCommand,
  partnerCommand,
  keyCommand,
  leadCommand,
  withdrawalCommand,
  submissionCommand,
  personCommand,
  suppressionCommand,
  rejectionCommand,
  reportCommand,
  importLeadsCommand,
  exportCommand,
  dueCommand,
  deliveryCommand,
  diallerCommand,
  settingsCommand,
  watchCommand,
  auditCommand,
  evidenceCommand,
  pruneCommand,
  storeCommand,
];

/**
 * Creates the context of a command.
 *
 * @param environment returns the environment variables when a command runs
 * @param name how the CLI is called, in help and messages
 */
export function createContext(
  environment: () => NodeJS.ProcessEnv,
  {
    input,
    out,
    err,
    openTerminal = () => undefined,
  }: Pick<CommandContext, 'input' | 'out' | 'err'> & Partial<Pick<CommandContext, 'openTerminal'>>,
  name = 'leads',
): CommandContext {
  return {
    commandName: name,
    open: async (isTest = false) => {
      const variables = environment();
      const config = await readConfig(variables);
      const store = await openConfiguredStore(config, { schema: 'require' });
      if (isTest) return openTestData(variables, config, store);
      const recorded = await readConfig(await withRecordedSettings(variables, store));
      const { defaultCountry, phonePolicy, dialWithin, callsPerDay, screening, evidenceRetention } = recorded;
      const storeKeys = () => loadStoreKeys(config, store);
      await prepareDigests(store, storeKeys, err);
      const parsePhone = phoneParsers(defaultCountry).parse;
      const rules = { defaultCountry, phonePolicy, dialWithin, callsPerDay, screening };
      const sendEvent = webhookClient(config);
      return { store, parsePhone, ...rules, evidenceRetention, sendEvent, storeKeys };
    },
    openTestData: async () => openTestStoreIfPresent(await readConfig(environment())),
    createTestData: async () => (await openTestStore(await readConfig(environment()))).close(),
    storeUrl: (argument) => storeUrlOf(argument, environment()),
    dialler: async () => (await readConfig(environment())).dialler,
    results: async () => (await readConfig(environment())).results,
    configuredUrl: async () => (await readConfig(environment())).databaseUrl,
    openUrl: (url, schema = 'require') => {
      const isConfigured = environment()['DATABASE_URL'] === url;
      const name = isConfigured ? 'the store in DATABASE_URL' : `the store ${redactedUrl(url)}`;
      return openNamedStore(name, url, { schema });
    },
    erasureTools: async (store) => {
      const variables = environment();
      const { defaultCountry } = await readConfig(await withRecordedSettings(variables, store));
      return erasureTools(await readConfig(variables), store, defaultCountry);
    },
    operator: () => operatorIn(environment()),
    openTerminal,
    input,
    out,
    err,
  };
}

/** Opens the test data of a store, with its settings, and closes the store. @throws {UserError} if there are none */
async function openTestData(variables: NodeJS.ProcessEnv, config: Config, live: Store): Promise<OpenStore> {
  const recorded = await withRecordedSettings(variables, live).finally(() => live.close());
  const { defaultCountry, phonePolicy, dialWithin, callsPerDay, screening, evidenceRetention } =
    await readConfig(recorded);
  const store = await openTestStoreIfPresent(config);
  if (store === undefined) {
    throw new UserError(
      'There are no test data. If you have no test key, run `leads key create --test`. If you have one, the store of test data (TEST_STORE) is missing: a request with the key creates it again, without the earlier test data.',
    );
  }
  const { parse: parsePhone } = withTestNumbers(phoneParsers(defaultCountry));
  const rules = { defaultCountry, phonePolicy, dialWithin, callsPerDay, screening };
  const storeKeys = () => loadStoreKeys(config, store);
  return { store, parsePhone, ...rules, evidenceRetention, sendEvent: webhookClient(config), storeKeys };
}

/** Lets a command recognise people of whom the store only has digests. Reports why it cannot. */
async function prepareDigests(
  store: Store,
  storeKeys: () => Promise<LoadedKeys>,
  err: CommandContext['err'],
): Promise<void> {
  if (!(await store.hasDigests())) return;
  const { problem } = await storeKeys();
  if (problem !== undefined) err.write(`${problem}\n`);
}

const streams = { input: process.stdin, out: process.stdout, err: process.stderr, openTerminal };

/** Runs the command in the arguments of the process, and sets the exit code. */
export async function runCommand(): Promise<void> {
  process.exitCode = await execute(
    process.argv.slice(2),
    createContext(readEnvironment, streams, commandName),
  );
}

/** Executes a command and prints its errors. Returns the exit code. */
export async function execute(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    return reportError(error, context);
  }
}

/** Creates the `leads` command with all its subcommands. */
export function createProgram(context = createContext(readEnvironment, streams)): Command {
  const program = new Command(context.commandName).description(
    'Manage partners, keys, lead types and leads.\n' +
      'Uses the store in DATABASE_URL. Servers can keep running, unless the help of a command states otherwise.',
  );
  for (const create of commands) program.addCommand(create(context));
  configureAll(program, context);
  // Commander's own `version` would read the files at each start.
  program
    .option('-V, --version', 'print the versions of the program and of the contract')
    .on('option:version', () => {
      context.out.write(versionText());
      throw new CommanderError(0, 'commander.version', 'The version was printed.');
    });
  return program;
}

/** Minimum width of a description for wrapping it (columns). Commander's default would not wrap at 80 columns. */
const minWidthToWrap = 20;

/** Applies the common settings to a command and its subcommands. */
function configureAll(command: Command, context: CommandContext): void {
  const { out, err, commandName: name } = context;
  command
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ sortSubcommands: false, minWidthToWrap, ...descriptions(name) })
    .configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void err.write(text),
      outputError: (text, write) => write(`${printable(describeUsageError(text, command, name))}\n`),
    });
  for (const subcommand of command.commands) configureAll(subcommand, context);
}

/** Returns how the help describes commands, arguments and options, in which other commands may be named. */
function descriptions(name: string): Partial<Help> {
  const help = new Help();
  return {
    commandDescription: (command) => nameCommands(help.commandDescription(command), name),
    subcommandDescription: (command) => nameCommands(help.subcommandDescription(command), name),
    argumentDescription: (argument) => nameCommands(help.argumentDescription(argument), name),
    optionDescription: (option) => nameCommands(describeOption(option), name),
  };
}

/** Describes an option and its default: Commander itself omits a default that has a description but no value. */
function describeOption(option: Option): string {
  const description = new Help().optionDescription(option);
  const { defaultValue, defaultValueDescription: initial } = option;
  return initial === undefined || defaultValue !== undefined
    ? description
    : `${description} (default: ${initial})`;
}

/** Does not repeat the key. */
const keyAsArgument =
  'An argument is a key. Never pass a key as an argument: other users of the machine could see it. Run `leads key check`, which reads the key from standard input.';

/** Describes an error of Commander. @param command in which it occurred; @param name how the CLI is called */
function describeUsageError(text: string, command: Command, name: string): string {
  const [unknown] = command.args;
  if (command.args.some(looksLikeKey) && text.startsWith('error: too many arguments')) {
    return nameCommands(keyAsArgument, name);
  }
  return text.startsWith('error: unknown command') && unknown !== undefined
    ? nameCommands(describeUnknownCommand(command, unknown), name)
    : toSentence(text);
}

/** Rewrites Commander's `error: unknown option '--x'` as a sentence. */
function toSentence(text: string): string {
  const message = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ');
  return withFullStop(message.charAt(0).toUpperCase() + message.slice(1));
}

/** Adds a full stop unless the message already ends a sentence. */
function withFullStop(message: string): string {
  return /[.?!)]$/.test(message) ? message : `${message}.`;
}

/** Prints an error, or each error of an `AggregateError`. Returns the exit code. */
function reportError(error: unknown, { err, commandName }: CommandContext): number {
  // Commander has already printed the error, or the help that was requested.
  if (error instanceof CommanderError) return error.exitCode;
  // The reader of a list, such as `head`, has what it wanted.
  if (error instanceof OutputClosed) return 0;
  for (const each of error instanceof AggregateError ? error.errors : [error]) {
    err.write(`${printableLines(nameCommands(describeError(each), commandName))}\n`);
  }
  return 1;
}

function describeError(error: unknown): string {
  const isExpected = error instanceof UserError || error instanceof ConfigError;
  const message = error instanceof Error ? error.message : String(error);
  if (isExpected) return message;
  return isClosedOutput(error)
    ? 'Writing the output failed, because its reader has ended (EPIPE).'
    : withFullStop(`The command failed: ${message}`);
}
