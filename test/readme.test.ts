/** A stranger believes the README: what it says of commands and settings must be so. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { readConfig } from '../src/app/config.ts';
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
  const { phonePolicy, rateLimit, trustedProxies, connectionsPerAddress, metrics, securityContact, ...more } =
    second;
  expect(Object.keys(more)).toEqual([]);
  const onOrOff = (value: unknown) => (value ? 'on' : 'off');
  const defaults = [
    port,
    host,
    databaseUrl,
    databaseConnections,
    defaultCountry,
    phonePolicy.countries ?? 'all',
    onOrOff(phonePolicy.special.size),
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

/** The sentences that an expression can come to; what is filled in becomes an ellipsis. */
function sentencesOf(expression: ts.Expression | undefined): string[] {
  if (expression === undefined) return [];
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isTemplateExpression(expression)) {
    return [
      expression.head.text + expression.templateSpans.map(({ literal }) => `…${literal.text}`).join(''),
    ];
  }
  if (ts.isConditionalExpression(expression)) {
    return [...sentencesOf(expression.whenTrue), ...sentencesOf(expression.whenFalse)];
  }
  if (!ts.isIdentifier(expression)) return [];
  const declared = new RegExp(`const ${expression.text} =\\s+'(.*)';`).exec(expression.getSourceFile().text);
  return declared?.[1] === undefined ? [] : [declared[1]];
}

/** A text as a part of a regular expression. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** What the program logs, and warns of on standard error. */
function loggedMessages(): string[] {
  const messages: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText();
      if (/\.(info|warn|error|fatal|emitWarning)$|failures\.write$/.test(called)) {
        messages.push(...sentencesOf(node.arguments.at(-1)));
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const file of globSync('src/**/*.ts', { cwd: fileURLToPath(root) })) {
    visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.ESNext, true));
  }
  return messages;
}

/** The messages in the tables of the guide, with `...` for what is filled in. */
function messagesInGuide(): string[] {
  const tables = read('docs/operating.md').matchAll(/^\| message .*\n\| -+.*\n((?:\|.*\n)+)/gm);
  const rows = [...tables].flatMap(([, table = '']) => table.trimEnd().split('\n'));
  return rows.flatMap((row) =>
    [...(row.split(' | ')[0] ?? '').matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , name = '']) => name.trim()),
  );
}

test('the guide has each message that is logged, and none that is not', () => {
  const messages = loggedMessages();
  const guide = messagesInGuide();
  expect(messages.length).toBeGreaterThan(35);
  // Put together from parts, which the second expectation looks for.
  const composed = ['… Fix the cause, then run `…`.', '… `…` resumes it.', '… …'];
  const isIn = (message: string) =>
    guide.some((name) => new RegExp(`^${name.split('...').map(escaped).join('.*')}`, 's').test(message));
  expect(messages.filter((message) => !composed.includes(message) && !isIn(message))).toEqual([]);
  const source = globSync('src/**/*.ts', { cwd: fileURLToPath(root) })
    .map(read)
    .join('')
    .replaceAll('\\`', '`');
  // A message that is put together from parts begins as the guide says.
  const isLogged = (name: string) => {
    const parts = name.split('...').toSorted((one, other) => other.length - one.length);
    return parts.slice(0, name.startsWith('Delivery of ') ? 2 : 1).some((part) => source.includes(part));
  };
  expect(guide.filter((name) => !isLogged(name))).toEqual([]);
});

/** Limits of the guide that no test waits for or fills: the row, and where the program has the number. */
const limits: [row: string, limit: string, file: string, name: string, number: number][] = [
  ['connections of one server', '10,000;', 'server/http-server', 'defaultMaxConnections =', 10_000],
  ['requests in flight of one address', '2,000 ', 'server/http-server', 'defaultRequestsPerAddress =', 2_000],
  ['requests in flight on one connection', '100 ', 'server/http-server', 'maxPipelined =', 100],
  ['the time for a request to arrive', '30 s', 'server/http-server', 'defaultRequestTimeout =', 30_000],
  ['headers to arrive', '10 s', 'server/http-server', 'defaultHeadersTimeout =', 10_000],
  ['reads nothing of a response', '30 s', 'server/http-server', 'defaultWriteTimeout =', 30_000],
  ['requests of one key under way', '1,000 ', 'server/app', 'defaultInFlightPerKey =', 1_000],
  ['downloads that clients may not have', '128 MiB', 'server/documents', 'defaultMaxUnread =', 2 ** 27],
  ['calls that wait for the store', '10,000 ', 'store/sqlite/durability/commit-queue', 'capacity:', 10_000],
  ['calls that wait for the store', '10,000 ', 'store/postgres/postgres-store', 'capacity:', 10_000],
  ['another process’s lock', '5 s', 'store/sqlite/durability/commit-queue', 'lockTimeout:', 5_000],
  ['`due --take` has printed', '50 ', 'cli/take', 'step:', 50],
];

test.each(limits)(
  'the limit of the guide on "%s" is that of the program',
  (row, limit, file, name, number) => {
    const rows = read('docs/operating.md').match(/^\|.*$/gm) ?? [];
    const found = rows.filter((line) => line.split('|')[1]?.replaceAll("'", '’').includes(row));
    expect(found).toHaveLength(1);
    expect(found[0]?.split('|')[2]?.slice(1)).toMatch(new RegExp(`^${limit}`));
    const written = new RegExp(`${name} ([0-9_* ]*[0-9])`).exec(read(`src/${file}.ts`))?.[1] ?? '';
    const factors = written.replaceAll('_', '').split('*').map(Number);
    expect(factors.reduce((product, factor) => product * factor)).toBe(number);
  },
);
