/** The guide of the partners' page: its tables list everything that the contract documents, and its commands work. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { type DocumentedOperation, withTables } from '../../docs/page/contract-tables.ts';
import { readContract } from '../../src/contract/document.ts';
import { operationIds, operationOf, responseExamples } from '../harness/contract.ts';
import { skipWithout } from '../harness/process.ts';
import { startServer } from '../harness/server.ts';

const source = readFileSync(new URL('../../docs/page/guide.md', import.meta.url), 'utf8');
const { paths }: { paths: Record<string, { post: DocumentedOperation }> } = JSON.parse(readContract().json);
const guide = withTables(
  source,
  Object.values(paths).map(({ post }) => post),
);

/** Returns the table row that begins with these cells. */
function row(...cells: string[]): string | undefined {
  return guide.split('\n').find((line) => line.startsWith(`| ${cells.join(' | ')} |`));
}

test('the guide lists every field of a lead', () => {
  const schema = operationOf('addLead').requestBody.content['application/json']?.schema;
  for (const name of Object.keys(Object(schema).properties)) expect(row(`\`${name}\``), name).toBeDefined();
});

test.each(operationIds())('the guide lists every outcome of %s', (id) => {
  for (const { value } of Object.values(responseExamples(id, 200))) {
    const { state } = Object(value);
    if (state === undefined)
      expect(guide.replace(/\s/g, '')).toContain(JSON.stringify(value).replace(/\s/g, ''));
    else expect(row(`\`${state}\``), state).toBeDefined();
  }
});

test.each(operationIds())('the guide lists every error of %s with its message, cause and fix', (id) => {
  for (const status of Object.keys(operationOf(id).responses)) {
    if (status === '200') continue;
    if (status === '400') {
      expect(guide).toContain('Status 400 means that validation failed.');
      continue;
    }
    for (const { value, summary, description } of Object.values(responseExamples(id, Number(status)))) {
      const members = Object.keys(Object(value));
      const body = JSON.stringify(value, null, 1).replace(/\s*\n\s*/g, ' ');
      const message = members.length === 1 ? Object(value).error : `\`${body}\``;
      expect(row(status, message), `${status} ${message}`).toContain(`**${summary}.** ${description}`);
    }
  }
});

test.each(operationIds())('the guide refers to the reference of %s', (id) => {
  expect(guide).toContain(`(#/leads/${id.toLowerCase()})`);
});

test('a table of an operation that does not exist is an error', () => {
  expect(() => withTables('<!-- fields: nothing -->', [])).toThrow('the operation nothing');
});

test('a field without a description is an error', () => {
  const operations = Object.values(structuredClone(paths)).map(({ post }) => post);
  for (const { requestBody } of operations) {
    delete requestBody.content['application/json'].schema.properties['mobile']?.description;
  }
  expect(() => withTables('<!-- fields: addLead -->', operations)).toThrow(
    'The field mobile has no description in openapi.yaml.',
  );
});

test('the commands of the guide print the responses shown below them', async (context) => {
  skipWithout(context, ['curl', '--version']);
  const commands = [...source.matchAll(/```sh\n(curl[\s\S]*?)```\n\n```json\n([\s\S]*?)```/g)];
  expect(commands.length).toBe(source.split('```sh\ncurl').length - 1);
  const server = await startServer();
  const env = { PATH: process.env['PATH'] ?? '', LEADS_URL: server.url, LEADS_KEY: server.key };
  for (const [, command = '', printed = ''] of commands) {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
    const withoutTimes = (text: string) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
    expect(withoutTimes(stdout)).toBe(withoutTimes(printed.trim()));
  }
});
