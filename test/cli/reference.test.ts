/** docs/cli.md is rendered from the commands, so it cannot differ from them. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fullName, renderReference, runnableCommands } from '../../docs/cli/reference.ts';
import { jsonMembersOf } from '../../src/cli/action.ts';
import { createProgram } from '../../src/cli/program.ts';

const program = createProgram();
const commands = runnableCommands(program).map((command) => ({ name: fullName(command), command }));

test('docs/cli.md describes the commands as they are (run `npm run docs` to update it)', () => {
  const reference = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(reference).toBe(renderReference(program));
});

test.each(commands)(
  '$name describes itself, its arguments, its options and its JSON output',
  ({ command }) => {
    const { options, registeredArguments } = command;
    for (const text of [
      command.description(),
      ...[...options, ...registeredArguments].map((each) => each.description),
    ]) {
      expect(text).toMatch(/^[a-z`-]/);
    }
    expect(options.map(({ long }) => long)).toContain('--json');
    const members = Object.values(jsonMembersOf(command) ?? {});
    expect(members.length).toBeGreaterThan(0);
    expect(members.filter((description) => description.trim() === '')).toEqual([]);
  },
);

test('every command that prints a table has the option --wide', () => {
  const folder = new URL('../../src/cli/', import.meta.url);
  const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const functions = sources
    .flatMap((source) => source.split(/^(?=(?:export )?(?:async )?function )/m).slice(1))
    .map((text) => ({ name: /function (\w+)/.exec(text)?.[1] ?? '', text }));
  const printing = new Set<string>();
  const prints = (text: string) =>
    /\boutput\.(list|table|inBatches)\(/.test(text) ||
    [...printing].some((name) => new RegExp(`\\b${name}\\(`).test(text));
  const isCommand = (text: string) => text.includes('defineAction(') || text.includes('new Command(');
  for (let size = -1; size !== printing.size; ) {
    size = printing.size;
    for (const { name, text } of functions) if (!isCommand(text) && prints(text)) printing.add(name);
  }
  const printingCommands = functions.filter(({ text }) => isCommand(text) && prints(text));
  expect(printingCommands.length).toBeGreaterThan(10);
  expect(printingCommands.filter(({ text }) => !text.includes('wideOption()'))).toEqual([]);
});

test.each(commands)('the help of $name fits 80 columns', ({ command }) => {
  command.configureHelp({ ...command.configureHelp(), helpWidth: 80 });
  expect(command.helpInformation()).toContain(`Usage: ${fullName(command)} `);
  expect(
    command
      .helpInformation()
      .split('\n')
      .filter((line) => line.length > 80),
  ).toEqual([]);
});

test.each(commands)('the help of $name shows the default of each option', ({ command }) => {
  const help = command.helpInformation().replace(/\s+/g, ' ');
  for (const { defaultValueDescription: initial } of command.options) {
    if (initial !== undefined) expect(help).toContain(`default: ${initial})`);
  }
});

test('the reference has a section for every command', () => {
  const headings = [...renderReference(program).matchAll(/^#{2,3} (.*)$/gm)].map(
    ([, heading]) => `leads ${heading}`,
  );
  expect(headings.filter((heading) => commands.some(({ name }) => name === heading))).toEqual(
    commands.map(({ name }) => name),
  );
});
