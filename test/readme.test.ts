/** README and the operating guide are tied to the program: variables, defaults, commands, messages and limits. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { readConfig } from '../src/app/config.ts';
import { createProgram } from '../src/cli/program.ts';
import { diallers } from '../src/delivery/diallers.ts';
import { ConfigError } from '../src/environment/variables.ts';
import { submissionOutcomes } from '../src/leads/lead.ts';
import { phoneParsers } from '../src/leads/phone.ts';
import { defaultRetrySchedule } from '../src/leads/retry-schedule.ts';
import { docsPaths } from '../src/server/docs-page.ts';

const root = new URL('../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, root), 'utf8');
const files = (pattern: string) => globSync(pattern, { cwd: fileURLToPath(root) });
const guide = files('docs/operating/*.md');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...files('{docs,src}/**/*.md')];

/** Returns the cells of a page's table under a heading, row by row, without backticks. */
function rows(page: string, heading: string): string[][] {
  const section =
    read(page)
      .split(new RegExp(`^#+ ${heading}\n`, 'im'))[1]
      ?.split(/^#/m)[0] ?? '';
  const lines = section.split('\n');
  return lines
    .filter((line, index) => line.startsWith('| `') && !lines[index + 1]?.startsWith('| ---'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', ''))
        .slice(1, -1),
    );
}

/** Returns the variables that `run` reads: an environment in which every value is blank makes it report each. */
async function variablesRead(run: (environment: NodeJS.ProcessEnv) => unknown): Promise<string[]> {
  // A proxy, so that a variable that the docs lack is read too.
  const blank = new Proxy<NodeJS.ProcessEnv>({}, { get: () => ' ' });
  try {
    await run(blank);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.split('\n').map((line) => line.split(' ')[0] ?? '');
    throw error;
  }
  return [];
}

test('the table of environment variables lists every variable with its default', async () => {
  const documented = rows('docs/operating/configuration.md', 'Environment variables');
  const named = await variablesRead(readConfig);
  expect(documented.map(([name]) => name).toSorted()).toEqual(named.toSorted());
  const {
    dispatch,
    dialler,
    diallerConcurrency,
    diallerTimeout,
    dialWithin,
    callsPerDay,
    screening,
    evidenceRetention,
    ...first
  } = await readConfig({});
  const { port, host, databaseUrl, isDatabaseUrlDefault, testStoreUrl, databaseConnections, ...others } =
    first;
  const { defaultCountry, logLevel, bootstrap, storeKey, storeKeyFile, erasureLog, ...second } = others;
  expect(isDatabaseUrlDefault).toBe(true);
  const { phonePolicy, rateLimit, trustedProxies, connectionsPerAddress, metrics, ...third } = second;
  const { objectionsPerDay, results, securityContact, supportContact, publicUrl, ...fourth } = third;
  const { webhookNetworks, ...more } = fourth;
  expect(Object.keys(more)).toEqual([]);
  const onOrOff = (value: unknown) => (value ? 'on' : 'off');
  const defaults = [
    port,
    host,
    databaseUrl,
    testStoreUrl ?? 'auto',
    databaseConnections,
    defaultCountry,
    phonePolicy.countries ?? 'all',
    onOrOff(phonePolicy.special.size),
    logLevel,
    rateLimit?.perSecond,
    rateLimit?.burst,
    objectionsPerDay,
    onOrOff(trustedProxies.length),
    connectionsPerAddress,
    onOrOff(metrics),
    '127.0.0.1',
    onOrOff(results),
    '127.0.0.1',
    'none',
    'off',
    '{}',
    onOrOff(securityContact),
    onOrOff(supportContact),
    onOrOff(publicUrl),
    storeKeyFile ?? 'auto',
    onOrOff(storeKey),
    erasureLog ?? 'auto',
    bootstrap,
    onOrOff(dispatch),
  ];
  defaults.push(
    dialler?.name ?? 'none',
    diallerConcurrency,
    diallerTimeout,
    onOrOff(dialWithin),
    callsPerDay,
    screening?.name ?? 'auto',
    onOrOff(screening),
    `${Number(evidenceRetention) / 86_400_000}d`,
    onOrOff(webhookNetworks.length),
  );
  expect(documented.map(([, initial]) => initial)).toEqual(defaults.map(String));
});

test.each(Object.keys(diallers))(
  'the table of the dialler %s lists every variable that it reads',
  async (name) => {
    const documented = rows('docs/operating/diallers.md', name).filter(([cell]) =>
      cell?.startsWith('DIALLER_'),
    );
    const create = await diallers[name]?.load();
    const context = { parsePhone: phoneParsers('GB').parse, concurrency: 1, timeout: 1 };
    const named = await variablesRead((environment) => create?.(environment, context));
    expect(documented.map(([cell]) => cell).toSorted()).toEqual(named.toSorted());
    // Otherwise a misspelt variable would not be reported.
    expect(diallers[name]?.variables.toSorted()).toEqual(named.toSorted());
  },
);

test('the configuration guide lists every variable that the source reads', () => {
  const page = read('docs/operating/configuration.md') + read('docs/operating/diallers.md');
  const named = files('src/**/*.ts').flatMap((file) => [
    ...read(file).matchAll(/environment\['([A-Z_]+)'\]|process\.env\['([A-Z_]+)'\]|^ +([A-Z_]+): \w+\(/gm),
  ]);
  const variables = named.map(([, one, other, spec]) => one ?? other ?? spec ?? '');
  expect(variables.length).toBeGreaterThan(35);
  // The user of the process, as PostgreSQL's own programs default to.
  const missing = variables.filter(
    (name) => name !== 'USER' && !page.includes(`\`${name.replace(/^OTEL_.*/, 'OTEL_...')}\``),
  );
  expect(missing).toEqual([]);
});

test('the table of diallers lists each one', () => {
  const documented = rows('docs/operating/diallers.md', 'Choose a dialler').map(([name]) => name);
  expect(documented.toSorted()).toEqual(['none', ...Object.keys(diallers)].toSorted());
});

test('the table of submission outcomes lists each one', () => {
  const documented = rows('docs/operating/partners-and-keys.md', 'Submissions and cancellations');
  expect(documented.map(([name]) => name).toSorted()).toEqual(submissionOutcomes.toSorted());
});

test('the retry schedule of the guide is that of the program', () => {
  const [, sentence = ''] = /retried after about ([^.]*)\./.exec(read('docs/operating/delivery.md')) ?? [];
  const units: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000 };
  const pauses = [...sentence.matchAll(/(\d+) (s|min|h)\b/g)].map(
    ([, number, unit = '']) => Number(number) * (units[unit] ?? 0),
  );
  expect(pauses).toEqual(defaultRetrySchedule);
});

test('the tables of health checks and public pages list every path that the server serves itself', () => {
  const documented = ['Health checks', 'Public pages']
    .flatMap((heading) => rows('docs/operating/deployment.md', heading))
    .flatMap(([cell = '']) => cell.split(', '));
  const routes = ['app', 'public-routes'].map((file) => read(`src/server/${file}.ts`)).join('');
  const served = [...routes.matchAll(/(?:app\.get|serve)\('(\/[^']+)'/g)];
  const paths = served.map(([, path = '']) => path);
  // The other files of the partners' page are below `/docs/`.
  paths.push(...Object.keys(docsPaths).filter((path) => path === '/docs/' || !path.startsWith('/docs/')));
  expect(documented.toSorted()).toEqual(paths.toSorted());
});

test('the README shows what the first start prints', () => {
  const readme = read('README.md');
  const [, template = ''] = /return `\n([\s\S]*?\$\{first\.key\})\n/.exec(read('src/app/serve.ts')) ?? [];
  const [key = ''] = /leads_\w{32}/.exec(readme) ?? [];
  const bootstrap = read('src/app/bootstrap.ts');
  const values: Record<string, string> = { key, partner: 'demo', type: 'motor-trade' };
  for (const name of ['demo', 'motor-trade']) expect(bootstrap).toContain(`'${name}'`);
  const printed = template.replace(/\$\{first\.(\w+)\}/g, (_, name: string) => values[name] ?? '');
  expect(printed).toContain(key);
  expect(readme).toContain(printed);
});

test('every npm script that the docs name exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  for (const file of pages) {
    const named = [...read(file).matchAll(/npm (?:run (?:-s )?([a-z:-]+)|(start|test)\b)/g)];
    for (const [, name, own = ''] of named) expect(scripts, file).toHaveProperty([name ?? own]);
  }
});

function exists(file: string): boolean {
  return existsSync(new URL(file, root));
}

/** Returns what is wrong with a command line such as `lead retry ID --force`; undefined: nothing. */
function commandError(line: string): string | undefined {
  let command = createProgram();
  const words = line.trim().split(/\s+/);
  while (command.commands.length > 0) {
    const next = command.commands.find((each) => each.name() === words[0]);
    // A noun alone, such as `leads delivery`, stands for all of its commands.
    if (next === undefined) return words.length === 0 ? undefined : `unknown command: ${line}`;
    command = next;
    words.shift();
  }
  const options = command.options.flatMap(({ long }) => long ?? []);
  const unknown = words.find((word) => word.startsWith('--') && !options.includes(word));
  return unknown === undefined ? undefined : `unknown option ${unknown}: ${line}`;
}

/** Returns the content of a page's code blocks. */
function codeBlocks(page: string): string {
  return [...read(page).matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('\n');
}

test('the docs name the minimum version of Node', () => {
  const { engines } = JSON.parse(read('package.json'));
  const named = pages.flatMap((page) => [...read(page).matchAll(/Node (\d+\.\d+) or later/g)]);
  expect(named.length).toBeGreaterThan(0);
  for (const [, version] of named) expect(`>=${version}`).toBe(engines.node);
});

test('every `leads` command that the docs or a message name exists, with its options', () => {
  const commands = [...pages, ...files('src/**/*.ts'), 'docs/alerts.yml'].flatMap((file) =>
    [
      ...read(file).matchAll(/`leads ([a-z][^`\\$|]*)|leads -- ([a-z][^`\n|]*)/g),
      ...codeBlocks(file).matchAll(/(?:^|xargs -r )leads ([a-z][^\n|]*)/gm),
    ].map(([, text, pasted = '']) => (text ?? pasted).replace(/"[^"]*"/g, 'TEXT')),
  );
  expect(commands.length).toBeGreaterThan(60);
  expect(commands.flatMap((line) => commandError(line) ?? [])).toEqual([]);
});

test('every relative link of the docs leads to a file and, if it has one, to a heading', () => {
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
      ([, path = '', anchor]) => ({
        page,
        file: path === '' ? page : new URL(path, new URL(page, root)).href.slice(root.href.length),
        anchor,
      }),
    ),
  );
  expect(links.length).toBeGreaterThan(60);
  // The partners' page is built from these, whose anchors belong to that page.
  const sources = ['docs/page/guide.md', 'docs/page/guide-end.md', 'docs/mock.md', 'docs/guide.md'];
  const checked = links.filter(({ page }) => !sources.includes(page));
  const broken = checked.filter(
    ({ file, anchor }) => !exists(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

/** Returns the anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test.each(['docs/security.md', 'docs/architecture.md'])('every file that %s names exists', (page) => {
  const named = [...read(page).matchAll(/`((?:test|src|generated)\/[^`]*)`/g)].map(([, file = '']) => file);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !exists(file))).toEqual([]);
});

test.each(['docs/security.md', 'docs/architecture.md'])('every guarantee of %s names its test', (page) => {
  const tables = [
    ...read(page).matchAll(/^\|.*\| (?:held|proved|tested) (?:by|in) \|\n\|.*\n((?:\|.*\n)+)/gm),
  ];
  const claims = tables.flatMap(([, table = '']) => table.trimEnd().split('\n'));
  expect(claims.length).toBeGreaterThan(15);
  expect(claims.filter((row) => !/`test\/[^`]+` \|$/.test(row.replace(/, `/g, ' `').trim()))).toEqual([]);
});

/** Returns the sentences that an expression can evaluate to; an ellipsis stands for what is filled in. */
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
  if (ts.isCallExpression(expression)) return sentencesReturnedBy(expression.expression);
  if (!ts.isIdentifier(expression)) return [];
  const declared = new RegExp(`const ${expression.text} =\\s+'(.*)';`).exec(expression.getSourceFile().text);
  return declared?.[1] === undefined ? [] : [declared[1]];
}

/** Returns the sentences that a function of the same file returns. */
function sentencesReturnedBy(called: ts.Expression): string[] {
  const sentences: string[] = [];
  ts.forEachChild(called.getSourceFile(), (node) => {
    if (!ts.isFunctionDeclaration(node) || node.name?.text !== called.getText()) return;
    for (const statement of node.body?.statements ?? []) {
      if (ts.isReturnStatement(statement)) sentences.push(...sentencesOf(statement.expression));
    }
  });
  return sentences;
}

/** Escapes a text for use in a regular expression. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Calls `visit` with every node of the files that match. */
function visitNodes(pattern: string, visit: (node: ts.Node) => void): void {
  const walk = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, walk);
  };
  for (const file of files(pattern)) {
    walk(ts.createSourceFile(file, read(file), ts.ScriptTarget.ESNext, true));
  }
}

/** A message that the program logs, or emits as a warning on standard error. */
interface LoggedMessage {
  level: string;
  message: string;
}

function loggedMessages(): LoggedMessage[] {
  const messages: LoggedMessage[] = [];
  visitNodes('src/**/*.ts', (node) => {
    if (!ts.isCallExpression(node)) return;
    const [, called = ''] =
      /(?:\.(info|warn|error|fatal|emitWarning)|(?:failureLog|limited)\.(write))$/
        .exec(node.expression.getText())
        ?.filter((group) => group !== undefined) ?? [];
    if (called === '') return;
    const levels: Record<string, string> = {
      emitWarning: 'warning on standard error',
      write: node.arguments[0]?.getText().replaceAll("'", '') ?? '',
    };
    const level = levels[called] ?? called;
    for (const message of sentencesOf(node.arguments.at(-1))) messages.push({ level, message });
  });
  return messages;
}

/** Returns the sentences in the source of the SQLite store: its errors and warnings. */
function sqliteMessages(): string[] {
  const messages: string[] = [];
  visitNodes('src/store/sqlite/{errors,erasure,file/*,durability/*}.ts', (node) => {
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return;
    messages.push(...sentencesOf(node).filter((text) => /^[A-Z…].* .*\.$/s.test(text)));
  });
  return messages;
}

/** Returns the messages in the guide's tables, with `...` for what is filled in. */
function messagesInGuide(): string[] {
  const tables = guide.flatMap((page) => [
    ...read(page).matchAll(/^\| message .*\n\| -+.*\n((?:\|.*\n?)+)/gm),
  ]);
  return tables
    .flatMap(([, table = '']) => table.trimEnd().split('\n'))
    .flatMap((row) =>
      [...(row.split(' | ')[0] ?? '').matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , name = '']) => name.trim()),
    );
}

/** Returns the messages whose beginning matches no row of the guide's tables. */
function notInGuide(messages: readonly string[]): string[] {
  const rows = messagesInGuide().map(
    (name) => new RegExp(`^${name.split('...').map(escaped).join('.*')}`, 's'),
  );
  return messages.filter((message) => !rows.some((row) => row.test(message)));
}

test('the guide lists every message that is logged', () => {
  const messages = loggedMessages().map(({ message }) => message);
  expect(messages.length).toBeGreaterThan(35);
  // Composed from parts. A later test finds those parts in the source.
  const composed = [
    '… Fix the cause, then run `…`.',
    '… Fix the cause; delivery then resumes by itself.',
    '… Run `…` to resume.',
    '… Then run `…`.',
    '… …',
  ];
  expect(notInGuide(messages.filter((message) => !composed.includes(message)))).toEqual([]);
});

test('the guide states the level of every message that is logged', () => {
  const rows = (read('docs/operating/monitoring.md').match(/^\| `.*/gm) ?? []).flatMap((row) => {
    const [messages = '', level = ''] = row.slice(2).split(' | ');
    return [...messages.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ name, level }));
  });
  const composed: Record<string, string> = {
    '… Fix the cause, then run `…`.': 'Delivery of all lead types is paused by the dialler: the reason.',
    '… Fix the cause; delivery then resumes by itself.':
      'Delivery of all lead types is paused by the dialler: the reason.',
    '… Run `…` to resume.': 'Delivery of all lead types is paused by the operator: the reason.',
    '… Then run `…`.': 'Delivery of all lead types is paused by the operator: the reason.',
  };
  // The messages of the SQLite store have a page of their own, and the line of a request has a label instead.
  const logged = loggedMessages().filter(
    ({ level, message }) =>
      message !== '… …' && (level !== 'warning on standard error' || /^The role/.test(message)),
  );
  const wrong = logged.filter(({ level, message }) => {
    const text = composed[message] ?? message;
    const matching = rows.filter(({ name }) =>
      new RegExp(`^${name.split('...').map(escaped).join('.*')}`, 's').test(text),
    );
    const [longest] = matching.toSorted((one, other) => other.name.length - one.name.length);
    return longest?.level !== level;
  });
  expect(wrong).toEqual([]);
});

test('every log message is one or more sentences', () => {
  // The line of a request has a label instead, such as `addLead accepted`.
  const sentences = loggedMessages()
    .map(({ message }) => message)
    .filter((message) => message !== '… …');
  expect(sentences.filter((message) => !/^[A-Z…].*[.…]$/s.test(message))).toEqual([]);
});

test('the guide lists every message of the SQLite store that an operator can act on', () => {
  const messages = sqliteMessages();
  expect(messages.length).toBeGreaterThan(20);
  // A developer's mistakes, errors of one command, and the reason in `The server returned 503: ...`.
  const elsewhere = [
    '… already exists. Choose another file name.',
    'The directory … does not exist. Create it, or choose another one.',
    'The store queue is full; … store calls are waiting.',
    'A migration broke a foreign key of the table ….',
    'The checkpoint thread was started as a program. Start the server instead.',
    '… was replaced by another file.',
  ];
  expect(notInGuide(messages.filter((message) => !elsewhere.includes(message)))).toEqual([]);
});

test('the guide lists no message that the program does not have', () => {
  const source = files('src/**/*.ts').map(read).join('').replaceAll('\\`', '`');
  // The program composes some messages from parts, so the longest part of each is searched for.
  const isInSource = (name: string) => {
    const parts = name.split('...').toSorted((one, other) => other.length - one.length);
    return parts.slice(0, name.startsWith('Delivery of ') ? 2 : 1).some((part) => source.includes(part));
  };
  expect(messagesInGuide().filter((name) => !isInSource(name))).toEqual([]);
});

/** Limits that no other test covers: the row of the guide, and the constant in the source. */
const limits: [row: string, limit: string, file: string, name: string, number: number][] = [
  ['connections of one server', '10,000;', 'server/http-server', 'defaultMaxConnections =', 10_000],
  ['connections of one server', '10,000;', 'server/http-server', 'reservedDescriptors =', 64],
  ['connections of one server', '10,000;', 'server/http-server', 'minConnections =', 10],
  ['connections of one address', '1,000 ', 'server/http-server', 'defaultConnectionsPerAddress =', 1_000],
  ['requests in flight of one address', '2,000 ', 'server/http-server', 'defaultRequestsPerAddress =', 2_000],
  ['requests in flight on one connection', '100 ', 'server/http-server', 'maxPipelined =', 100],
  ['URL and headers', '16 KiB, 100 headers', 'server/http-server', 'maxHeaders =', 100],
  ['time for a request to arrive', '30 s', 'server/http-server', 'defaultRequestTimeout =', 30_000],
  ['headers of a request to arrive', '10 s', 'server/http-server', 'defaultHeadersTimeout =', 10_000],
  ['reads nothing of a response', '30 s', 'server/http-server', 'defaultWriteTimeout =', 30_000],
  ['idle connection', '65 s', 'server/http-server', 'keepAliveTimeout =', 65_000],
  ['requests in flight of one key', '1,000 ', 'server/app', 'defaultInFlightPerKey =', 1_000],
  ['bodies of one key in flight', '8 MiB', 'server/bytes-in-flight', 'defaultMaxPerKey =', 2 ** 23],
  ['bodies of all keys in flight', '32 MiB', 'server/bytes-in-flight', 'defaultMaxTotal =', 2 ** 25],
  ['objections recorded by one partner', '1,000 ', 'server/app', 'defaultObjectionsPerDay =', 1_000],
  ['downloaded bytes', '128 MiB', 'server/documents', 'defaultMaxUnread =', 2 ** 27],
  ['store calls in the queue', '10,000 ', 'store/sqlite/durability/commit-queue', 'capacity:', 10_000],
  ['store calls in the queue', '10,000 ', 'store/postgres/postgres-store', 'capacity:', 10_000],
  ['another process’s lock', '5 s', 'store/sqlite/durability/commit-queue', 'lockTimeout:', 5_000],
  ['log lines that wait', '1 MiB', 'telemetry/buffered-output', 'maxWaiting =', 2 ** 20],
  ['response body of the dialler', '1 MiB', 'delivery/diallers/http-client', 'maxBodySize =', 2 ** 20],
  ['`leads due --take` has printed', '50 ', 'cli/take', 'batchSize:', 50],
  ['connections to `METRICS_PORT`', '100 ', 'app/metrics-server', 'maxMetricsConnections =', 100],
  ['connections to `RESULTS_PORT`', '500 ', 'app/results-server', 'maxResultConnections =', 500],
  ['reports of results in flight', '100 ', 'server/results/results-app', 'maxReportsInFlight =', 100],
  ['size of a report of a result', '16 KiB', 'server/results/results-app', 'maxReportBytes =', 16_384],
  ['calls of one lead with a result', '500 ', 'store/call-results', 'maxCallsPerLead =', 500],
];

test.each(limits)('the limit "%s" of the guide is that of the program', (row, limit, file, name, number) => {
  const rows = read('docs/operating/limits.md').match(/^\|.*$/gm) ?? [];
  const found = rows.filter((line) => line.split('|')[1]?.replaceAll("'", '’').includes(row));
  expect(found).toHaveLength(1);
  expect(found[0]?.split('|')[2]?.slice(1)).toMatch(new RegExp(`^${limit}`));
  const written = new RegExp(`${name} ([0-9_* ]*[0-9])`).exec(read(`src/${file}.ts`))?.[1] ?? '';
  const factors = written.replaceAll('_', '').split('*').map(Number);
  expect(factors.reduce((product, factor) => product * factor)).toBe(number);
});

test('the guide lists every limit of the HTTP server', () => {
  const declared = files('src/server/*.ts').flatMap((file) =>
    [...read(file).matchAll(/^const ((?:default|max|min)[A-Z]\w*) =/gm)].map(
      ([, name = '']) => `${file.slice(4, -3)} ${name}`,
    ),
  );
  // Times between checks of the store, and sizes of caches and counts: clients never reach them.
  const internal = [
    'server/results/vicidial-report maxTalkTime',
    'server/active-key-cache maxWaiting',
    'server/client-address maxRemembered',
    'server/eviction maxMembers',
    'server/readiness defaultInterval',
    'server/readiness defaultTimeout',
    'server/rejections maxCounts',
  ];
  const documented = limits.map(([, , file, name]) => `${file} ${name.split(' ')[0]}`);
  expect(declared.filter((name) => !documented.includes(name) && !internal.includes(name))).toEqual([]);
});

test('the comparison of the performance page has the measured figures', () => {
  const { contenders, results } = JSON.parse(read('docs/performance.json'));
  const cells = (read('docs/performance.md').match(/^\|.*$/gm) ?? []).map((row) => row.split(' | '));
  const whole = (value: number) => Math.round(value).toLocaleString('en-GB');
  const short = (value: number) => (value >= 100 ? whole(value) : value.toPrecision(3));
  for (const { name, does, rate } of contenders) {
    expect(cells).toContainEqual(
      expect.arrayContaining([
        `| ${name}`,
        does,
        whole(rate.median),
        `${whole(rate.min)} to ${whole(rate.max)}`,
      ]),
    );
  }
  for (const { what, measured, target, isMet } of results) {
    const range = `${short(measured.min)} to ${short(measured.max)}`;
    expect(cells).toContainEqual([
      `| ${what}`,
      short(measured.median),
      range,
      target,
      isMet ? 'yes |' : 'no |',
    ]);
  }
});
