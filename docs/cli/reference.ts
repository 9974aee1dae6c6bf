import type { Argument, Command, Option } from 'commander';
import { jsonMembersOf } from '../../src/cli/action.ts';
import type { JsonMembers } from '../../src/cli/output.ts';

const introduction = `# CLI reference

The \`leads\` command manages the server's store. Servers can keep running, unless the description of a command states
otherwise.

\`\`\`
leads <command>
\`\`\`

The [installed package](operating/deployment.md#install-the-package) provides \`leads\`. In a clone of the repository, run
\`npm run -s leads -- <command>\` instead; help and messages show that form there. The command reads the server's
[environment variables](operating/configuration.md) and the file \`.env\` in the working directory.

- \`--help\` describes any command. \`leads --version\` prints the versions of the program and of the contract.
- \`--json\` prints JSON for scripts with any command: one object, or one per line for a list. Times are ISO 8601 in UTC.
- A table that is wider than your terminal has fewer columns and relative times (\`3h ago\`), and continues long texts on the
  next line. In a pipe or a file, every table has all columns, and each row is one line.
- The exit code is 0 if the command succeeded. Otherwise it is 1, and standard error reports what happened and what to do. A
  command with several ids processes all of them, and exits with 1 if any failed.

`;

/** Renders the reference of every command as Markdown, from the commands themselves. */
export function renderReference(program: Command): string {
  const groups = program.commands.map((command) => {
    const heading = `## ${title(command)}\n\n`;
    if (command.commands.length === 0) return heading + renderCommand(command);
    const subcommands = runnableCommands(command).map(
      (each) => `### ${title(each)}\n\n${renderCommand(each)}`,
    );
    return `${heading}${sentences(command.description())}\n\n${subcommands.join('\n')}`;
  });
  return introduction + groups.join('\n');
}

/** Returns every command of the tree that can be run. */
export function runnableCommands(program: Command): Command[] {
  return program.commands.flatMap((command) =>
    command.commands.length === 0 ? [command] : runnableCommands(command),
  );
}

/** Returns the full name of a command, such as `leads key list`. */
export function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function title(command: Command): string {
  return fullName(command).replace(/^leads /, '');
}

function renderCommand(command: Command): string {
  const parts = [
    sentences(command.description()),
    `\`\`\`\n${fullName(command)} ${command.usage()}\n\`\`\``,
    table(['argument', 'description'], command.registeredArguments.map(argumentRow)),
    table(['option', 'default', 'description'], command.options.filter(isOwn).map(optionRow)),
    jsonTable(jsonMembersOf(command)),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Returns whether an option is the command's own. The introduction describes `--json`, which every command has. */
function isOwn({ long }: Option): boolean {
  return long !== '--json';
}

function argumentRow(argument: Argument): string[] {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return [argument.required ? `\`<${name}>\`` : `\`[${name}]\``, argument.description];
}

function optionRow(option: Option): string[] {
  const choices = option.argChoices?.map((choice) => `\`${choice}\``).join(', ');
  const description = choices === undefined ? option.description : `${option.description}: ${choices}`;
  return [`\`${option.flags}\``, option.mandatory ? 'required' : defaultOf(option), description];
}

function defaultOf({ defaultValue, defaultValueDescription }: Option): string {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  const isEmpty = defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return isEmpty ? '' : `\`${defaultValue}\``;
}

function jsonTable(members: JsonMembers | undefined): string {
  return table(
    ['JSON member', 'value'],
    Object.entries(members ?? {}).map(([name, description]) => [`\`${name}\``, description]),
  );
}

function table(headings: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const lines = [headings, headings.map(() => '---'), ...rows];
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** Formats a description as sentences: it starts with a capital letter and ends with a full stop. */
function sentences(description: string): string {
  const lines = description.split('\n').map((line) => line.replace(/\.?$/, '.'));
  const text = lines.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
