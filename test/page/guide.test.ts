/** The files of the partners' page, read as text: what they list, where their links lead, and how samples run. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { operationsOf } from '../../docs/page/contract.ts';
import { asMarkdown, tableFor } from '../../docs/page/contract-tables.ts';
import { samplesOf } from '../../docs/page/markdown.ts';
import { readContract } from '../../docs/page/read-contract.ts';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';
import { skipWithout } from '../harness/process.ts';
import { interpreterOf, languages, outputOf, withValues } from '../harness/samples.ts';
import { startSandbox } from '../harness/sandbox.ts';
import { temporaryDirectory } from '../harness/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const source = read('docs/page/guide.md');
const markdown = read('docs/guide.md');
const html = { 'index.html': read('docs/index.html'), 'reference.html': read('docs/reference.html') };
const operations = operationsOf(readContract());

/** Returns the ids of the elements of a page. */
function idsIn(page: string): Set<string> {
  return new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id));
}

test('the guide lists every field of a lead', () => {
  const schema = operationOf('addLead').requestBody.content['application/json']?.schema;
  for (const name of Object.keys(Object(schema).properties)) expect(markdown).toContain(`| \`${name}\` |`);
});

/** Returns what the table of outcomes shows of a member of events and reports. */
function shortened(member: unknown): unknown {
  if (typeof member !== 'object' || member === null || Object.keys(member).length === 0) return member;
  return Array.isArray(member) ? '[…]' : '{…}';
}

test.each(operationIds())('the guide lists every outcome of %s', (id) => {
  const table = asMarkdown(tableFor(`outcomes: ${id}`, operations)).replace(/\s/g, '');
  for (const { value } of Object.values(responseExamples(id, 200))) {
    const { state, results, events, rows } = Object(value);
    const { outcome, status, body } = Object(results?.at(-1));
    const whole = results === undefined ? value : { outcome, status, body };
    const isLong = events !== undefined || rows !== undefined;
    const text = JSON.stringify(whole, (name, member) => (isLong && name !== '' ? shortened(member) : member))
      .replace(/"(\[…\]|\{…\})"/g, '$1')
      .replace(/\s/g, '');
    const shown = results === undefined ? text : text.slice(0, -1);
    expect(table).toContain(state === undefined ? shown : `"state":"${state}"`);
  }
  expect(markdown.replace(/\s/g, '')).toContain(table);
});

test.each(operationIds())('the guide lists every error of %s with its message, cause and fix', (id) => {
  for (const status of Object.keys(operationOf(id).responses).filter((other) => other !== '200')) {
    for (const example of Object.values(responseExamples(id, Number(status)))) {
      const { summary, description = '' } = example;
      const rows = markdown
        .split('\n')
        .filter((line) => line.includes(`**${summary}`) && line.includes(description));
      const messages = Object.values(Object(example.value)).flatMap((value) =>
        typeof value === 'object' ? Object.values(Object(value)) : [value],
      );
      const row = rows.find((line) => messages.every((message) => line.includes(String(message))));
      expect(row, `${status} ${summary}`).toBeDefined();
    }
  }
});

test('every file lists its sections in the menu, in the order of the guide', () => {
  const order = [...markdown.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  expect(order).toEqual([
    'Quick start',
    'Authentication',
    'Testing',
    'Add a lead',
    'Add many leads',
    'Cancel a lead',
    'Lead status',
    'Events',
    'Receive events',
    'Do not call',
    'Reports',
    'Outcomes',
    'Errors',
    'Rate limits',
    'Idempotency and retries',
    'The data field',
    'Phone numbers',
    'Schedule a call',
    ...[...read('docs/mock.md').matchAll(/^# (.+)$/gm)].map(([, heading]) => heading),
    'Changelog',
    'Support and privacy',
  ]);
  for (const page of Object.values(html)) {
    const menu = /<nav id="menu"[\s\S]*?<\/nav>/.exec(page)?.[0] ?? '';
    const places = order.map((heading) => menu.indexOf(`>${heading}</a>`));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
  }
});

test('every link and search result leads to a section, a row or an operation', () => {
  const ids = idsIn(html['index.html']);
  const hashes = operationIds().map((id) => `/leads/${id.toLowerCase()}`);
  for (const [file, page] of Object.entries(html)) {
    const [before = '', after = ''] = page.split('<script type="application/json" id="search-index">');
    const entries: string[][] = JSON.parse(after.slice(0, after.indexOf('</script>')));
    expect(entries.flat().join()).not.toContain('object Object');
    const links = [...before.matchAll(/<a [^>]*href="([^"]+)"/g)].map(([, url = '']) => url);
    const targets = [...links, ...entries.map(([, , url = '']) => url)].filter((url) => url.includes('#'));
    expect(targets.length).toBeGreaterThan(100);
    for (const target of targets) {
      const [other, hash = ''] = target.split(/#(.*)/s);
      const isKnown =
        (other || file) === 'index.html' ? ids.has(hash) : hash === 'content' || hashes.includes(hash);
      expect(isKnown, target).toBe(true);
    }
  }
});

test('no id of the guide occurs twice', () => {
  const all = [...html['index.html'].matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(all.filter((id, index) => all.indexOf(id) !== index)).toEqual([]);
});

test('a table of an operation that does not exist is an error', () => {
  expect(() => tableFor('fields: nothing', operations)).toThrow('the operation nothing');
});

test('a field without a description is an error', () => {
  const changed = structuredClone(operations);
  for (const { requestBody } of changed) {
    delete requestBody.content['application/json'].schema.properties?.['mobile']?.description;
  }
  expect(() => tableFor('fields: addLead', changed)).toThrow(
    'The field mobile has no description in openapi.yaml.',
  );
});

test('the files contain nothing that is internal to the call centre', () => {
  for (const file of ['index.html', 'reference.html', 'guide.md', 'llms.txt', 'postman.json']) {
    const text = read(`docs/${file}`);
    for (const internal of ['leadDue', 'lead.due', 'LeadDueEvent', 'lead.withdraw', 'DIALLER_']) {
      expect(text.includes(internal), `${file}: ${internal}`).toBe(false);
    }
  }
});

test('the reference contains no extensions of the contract but outcomes and samples', () => {
  const [, definition = ''] = html['reference.html'].split('hydrate(withOwnValues(');
  const names = new Set([...definition.matchAll(/"(x-[\w-]+)":/g)].map(([, name]) => name));
  expect([...names].toSorted()).toEqual(['x-codeSamples', 'x-outcome']);
});

test('the Postman collection has a request for each request example', () => {
  const collection = JSON.parse(read('docs/postman.json'));
  for (const [index, operation] of operations.entries()) {
    const examples = Object.values(operation.requestBody.content['application/json'].examples);
    const { item } = collection.item[index];
    expect(
      item.map(({ request }: { request: { body: { raw: string } } }) => JSON.parse(request.body.raw)),
    ).toEqual(examples.map(({ value }) => value));
    for (const { request } of item) expect(request.url.raw).toBe(`{{url}}${operation.path}`);
  }
});

test('the files are up to date', () => {
  const directory = temporaryDirectory();
  execFileSync(process.execPath, [join(root, 'docs/page/build.ts'), '--output', directory], {
    stdio: 'pipe',
  });
  for (const file of ['index.html', 'reference.html', 'guide.md', 'llms.txt', 'postman.json']) {
    const isSame = readFileSync(join(directory, file), 'utf8') === read(`docs/${file}`);
    expect(isSame, `docs/${file} is stale: run \`npm run docs\``).toBe(true);
  }
  const compressed = brotliDecompressSync(readFileSync(join(root, 'docs/reference.html.br'))).toString(
    'utf8',
  );
  expect(compressed === html['reference.html'], 'docs/reference.html.br is stale: run `npm run docs`').toBe(
    true,
  );
}, 120_000);

test('the guide shows the documented report', () => {
  const [, report = ''] = /```request leadReport[\s\S]*?```json Response\n([\s\S]*?)```/.exec(source) ?? [];
  const byType = JSON.stringify(responseExamples('leadReport', 200)['by-type']?.value);
  const byDay = byType
    .replace('"type":"motor-trade"', '"day":"2026-11-23"')
    .replace('"by":"type"', '"by":"day"');
  expect(JSON.parse(report)).toEqual(JSON.parse(byDay));
});

test.for(languages)(
  'pasted in order, the samples in %s print what the guide shows',
  async (language, context) => {
    skipWithout(context, interpreterOf(language).probe);
    const { target } = await startSandbox();
    const blocks = /^```(request|retry) (\w+)\n((?:(?!```)[\s\S])*?)^```\n\n```response\n([\s\S]*?)^```/gm;
    const found = [...source.matchAll(blocks)];
    expect(found.map(([, kind, id]) => `${kind} ${id}`)).toEqual([
      'request addLead',
      'request addLead',
      'request addLeads',
      'request cancelLead',
      'request leadStatus',
      'request leadEvents',
      'request doNotCall',
      'retry addLead',
    ]);
    const withoutTimesAndIds = (text: string) =>
      text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-v]{20}\b|\bevt_\w+|(?<="1-)\w+/g, 'VARIES');
    for (const [, kind = '', id = '', body = '', response = ''] of found) {
      const sample = samplesOf(kind, id, body, operations).find(({ lang }) => lang === language);
      const printed = await outputOf(withValues(sample?.source ?? '', target.url, target.key), language);
      // A long response is shown on several lines.
      const expected = response.startsWith('{\n') ? JSON.stringify(JSON.parse(response)) : response.trim();
      expect(withoutTimesAndIds(printed)).toBe(withoutTimesAndIds(expected));
    }
  },
);
