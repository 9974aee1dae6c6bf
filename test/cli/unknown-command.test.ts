/** What a command that does not exist probably means. */
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { describeUnknownCommand } from '../../src/cli/unknown-command.ts';

/** Creates a command with subcommands. */
function group(name: string, ...commands: (string | Command)[]): Command {
  const command = new Command(name);
  for (const each of commands) command.addCommand(typeof each === 'string' ? new Command(each) : each);
  return command;
}

const lead = group('lead', 'list', 'show', 'retry');
const program = group(
  'leads',
  group('type', 'add', 'list'),
  group('partner', 'add', 'list', 'resume'),
  lead,
  'prune',
);

test.each([
  ['nonsense', ''],
  ['partners', ' Did you mean `leads partner`?'],
  ['leda', ' Did you mean `leads lead`?'],
  ['retry', ' Did you mean `leads lead retry`?'],
  ['retyr', ' Did you mean `leads lead retry`?'],
  ['add', ' Did you mean `leads type add` or `leads partner add`?'],
  ['list', ' Did you mean `leads GROUP list`, in which GROUP is type, partner or lead?'],
])('suggests what is probably meant: %s', (name, suggestion) => {
  expect(describeUnknownCommand(program, name)).toBe(
    `There is no command "${name}" in \`leads\`.${suggestion} Run \`leads --help\` to list the commands.`,
  );
});

test('reports that the name of the program was written twice', () => {
  const exporting = group('leads', group('export', 'leads'));
  expect(describeUnknownCommand(exporting, 'leads')).toBe(
    'The word "leads" is followed by "leads" instead of a command. Remove one of them. Run `leads --help` to list the commands.',
  );
});

test('suggests only commands of the group in which one is missing', () => {
  const help = 'Run `leads lead --help` to list the commands.';
  expect(describeUnknownCommand(lead, 'shwo')).toBe(
    `There is no command "shwo" in \`leads lead\`. Did you mean \`leads lead show\`? ${help}`,
  );
  expect(describeUnknownCommand(lead, 'prune')).toBe(
    `There is no command "prune" in \`leads lead\`. ${help}`,
  );
});
