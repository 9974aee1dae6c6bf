/** A stranger believes the README: what it says of commands and settings must be so. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { ConfigError } from '../src/environment/variables.ts';

const root = new URL('../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const readme = read('README.md');

/** The first cells of a table's rows, by its heading. */
function rows(heading: string): string[][] {
  const table = readme.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', ''))
        .slice(1),
    );
}

test('the table of settings has each variable that is read, with its default', async () => {
  const documented = rows('Configuration').map(([name = '', initial = '']) => [name, initial]);
  const wrong = Object.fromEntries(documented.map(([name]) => [name, ' ']));
  const named: string[] = [];
  try {
    await readConfig(wrong);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    named.push(
      ...String(error instanceof Error && error.message)
        .split('\n')
        .map((line) => line.split(' ')[0] ?? ''),
    );
  }
  expect(named.toSorted()).toEqual(documented.map(([name]) => name).toSorted());
  const { dispatch, dialler, diallerConcurrency, diallerTimeout, dialWithin, ...first } = await readConfig(
    {},
  );
  const { port, host, databaseUrl, databaseConnections, defaultCountry, logLevel, bootstrap, ...second } =
    first;
  const { phoneRule, rateLimit, trustedProxies, connectionsPerAddress, metrics, securityContact, ...more } =
    second;
  expect(Object.keys(more)).toEqual([]);
  const onOrOff = (value: unknown) => (value ? 'on' : 'off');
  const defaults = [
    port,
    host,
    databaseUrl,
    databaseConnections,
    defaultCountry,
    phoneRule.countries ?? 'all',
    onOrOff(phoneRule.special.size),
    logLevel,
    rateLimit?.perSecond,
    rateLimit?.burst,
    onOrOff(trustedProxies.length),
    connectionsPerAddress,
    onOrOff(metrics),
    '127.0.0.1',
    onOrOff(securityContact),
    onOrOff(bootstrap),
    onOrOff(dispatch),
  ];
  defaults.push(dialler?.name ?? 'none', diallerConcurrency, diallerTimeout, onOrOff(dialWithin));
  expect(documented.map(([, initial]) => initial)).toEqual(defaults.map(String));
});

test('each npm script that is named exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  for (const file of ['README.md', 'docs/operating.md']) {
    const named = [
      ...read(file).matchAll(/npm (?:run (?:-s )?)?(start|test|[a-z:]+(?= --)|(?<=run )[a-z:]+)/g),
    ];
    for (const [, name = ''] of named.filter(([, name]) => name !== 'ci'))
      expect(scripts, file).toHaveProperty([name]);
  }
});

test('the layout names what is there', () => {
  const layout = readme.split('```\nopenapi.yaml')[1]?.split('```')[0] ?? '';
  let folder = '';
  for (const [, indent = '', name = ''] of `openapi.yaml${layout}`.matchAll(/^( *)(\S+)/gm)) {
    if (indent === '') folder = name.endsWith('/') ? name : '';
    expect(existsSync(new URL(indent === '' ? name : folder + name, root)), name).toBe(true);
  }
});

test('what stops whom is proved by tests that there are', () => {
  const named = [...read('docs/security.md').matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});
