/** `leads export`, and the CSV that it prints. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { csvLine } from '../../src/cli/csv.ts';
import { createContext, execute } from '../../src/cli/program.ts';
import { lines, storeWithCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { finished, start } from '../harness/process.ts';
import { deliverDue } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** Parses CSV as RFC 4180 defines it. */
function parseCsv(csv: string): string[][] {
  return csv
    .split(/\r\n(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .slice(0, -1)
    .map((line) =>
      Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
        quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
      ),
    );
}

/** Parses CSV with a header to one object per line. */
function csvRecords(csv: string): Record<string, string>[] {
  const [header = [], ...rows] = parseCsv(csv);
  return rows.map((row) => {
    expect(row).toHaveLength(header.length);
    return Object.fromEntries(header.map((name, index) => [name, row[index] ?? '']));
  });
}

const hostile = {
  email: '@SUM(1)@test.com',
  first_name: '=HYPERLINK("http://evil.example","Click, please")',
  surname: 'Line\r\nbreak "and" comma, 日本',
  mobile: '07840258823',
  type: 'motor',
};

/** Creates a store with a failed lead of a hostile submission, and one scheduled lead. */
async function filled() {
  const cli = storeWithCli();
  const { store, first, second, from } = await seeded(cli.open());
  const submission = from(first.id, { content: JSON.stringify(hostile) });
  await store.submit(submission);
  await deliverDue(store, 'rejected');
  await store.submit(from(second.id, { mobile: mobileOf(1), content: JSON.stringify(hostile) }));
  await store.close();
  return { ...cli, submission };
}

test('exports leads as JSON like a list, oldest first, and as CSV with the same columns', async () => {
  const { leads } = await filled();
  const listed = lines(await leads('lead', 'list', '--json')) as object[];
  const exported = await leads('export', 'leads');
  expect(lines(exported)).toEqual(listed.toReversed());
  expect((await leads('export', 'leads', '--json')).stdout).toBe(exported.stdout);
  const { code, stdout, stderr } = await leads('export', 'leads', '--csv');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [failed, scheduled] = csvRecords(stdout);
  const [, lead] = listed as Record<string, unknown>[];
  const texts = Object.entries(lead ?? {}).map(([name, value]) => [
    name,
    value === null ? '' : String(value),
  ]);
  expect(failed).toEqual(Object.fromEntries(texts));
  expect(failed).toMatchObject({ state: 'failed', mobile: '+447840258823', last_response: 'rejected once' });
  expect(scheduled).toMatchObject({ state: 'scheduled', dialled_at: '', partner: 'second' });
});

test('exports submissions with what was sent, which no spreadsheet takes for a formula', async () => {
  const { leads, submission } = await filled();
  const [json] = lines(await leads('export', 'submissions')) as Record<string, unknown>[];
  expect(json).toMatchObject({ id: submission.id, submitted: hostile, first_name: hostile.first_name });
  const { stdout } = await leads('export', 'submissions', '--csv');
  const [first] = csvRecords(stdout);
  expect(first).toMatchObject({
    id: submission.id,
    email: `'${hostile.email}`,
    first_name: `'${hostile.first_name}`,
    surname: hostile.surname,
    reruns: '[]',
  });
  expect(JSON.parse(first?.['submitted'] ?? '')).toEqual(hostile);
});

test.each([
  ['plain', 'plain'],
  ['', ''],
  [null, ''],
  [undefined, ''],
  [false, 'false'],
  [12, '12'],
  [['a', 1], '"[""a"",1]"'],
  ['a,b', '"a,b"'],
  ['say "yes"', '"say ""yes"""'],
  ['two\nlines', '"two\nlines"'],
  ['=1+1', "'=1+1"],
  ['-1+1', "'-1+1"],
  ['@cmd', "'@cmd"],
  ['\t=1', "'\t=1"],
  ['\r=1', '"\'\r=1"'],
  ['＝1', "'＝1"],
  ['+447840258823', '+447840258823'],
  ['+447840258823+1', "'+447840258823+1"],
])('writes %j as the cell %j', (value, cell) => {
  expect(csvLine([value, 'next'])).toBe(`${cell},next\r\n`);
});

test('filters by time, partner and type', async () => {
  const { leads } = await filled();
  const partners = async (...options: string[]) =>
    lines(await leads('export', 'leads', ...options)).map((lead) => (lead as { partner: string }).partner);
  expect(await partners('--partner', 'second', '--type', 'motor')).toEqual(['second']);
  expect(await partners('--from', '1h', '--to', '2099-01-01')).toEqual(['first', 'second']);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  expect(await partners('--from', '2020-02-29', '--to', tomorrow)).toEqual(['first', 'second']);
  expect(await leads('export', 'leads', '--to', '1h')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'There are no matching records.\n',
  });
  const empty = await leads('export', 'submissions', '--type', 'nothing', '--csv');
  expect(empty.stdout).toMatch(/^id,partner,type,mobile,[a-z_,]+\r\n$/);
});

test.each([
  [
    ['leads', '--from', '2026-02-30'],
    /^Option '--from <time>' argument '2026-02-30' is invalid\. It must be a date or time/,
  ],
  [['leads', '--from', '1h', '--to', '2h'], /^--from must be earlier than --to\. Nothing was exported\.\n$/],
  [['leads', '--csv', '--json'], /^Option '--csv' cannot be used with option '--json'\.\n$/],
  [['submissions', '--partner', 'frist'], /^Partner "frist" does not exist\. .* Did you mean "first"\?\n$/],
  [['leads', '--type', 'moto'], /^Lead type "moto" does not exist\. .* Did you mean "motor"\?\n$/],
])('leads export %j is refused', async (words, message) => {
  const { leads } = await filled();
  const { code, stdout, stderr } = await leads('export', ...words);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(message);
});

test('escapes control characters only in a terminal', async () => {
  const { file, open, leads } = storeWithCli();
  const { store, first, from } = await seeded(open());
  await store.submit(from(first.id, { content: JSON.stringify({ ...hostile, surname: 'a\u001b[31mb' }) }));
  await store.close();
  expect((await leads('export', 'submissions', '--csv')).stdout).toContain('a\u001b[31mb');
  const [out, err] = [Object.assign(new PassThrough(), { isTTY: true, columns: 80 }), new PassThrough()];
  const context = createContext(() => ({ DATABASE_URL: `sqlite:${file}` }), {
    input: new PassThrough(),
    out,
    err,
  });
  const printed = text(out);
  expect(await execute(['export', 'submissions', '--csv'], context)).toBe(0);
  out.end();
  expect(await printed).toMatch(/,a\\u001b\[31mb\r\n$/);
});

test.each([[['export', 'leads']], [['export', 'submissions', '--csv']]])(
  'leads %j ends quietly if its reader has ended',
  async (words) => {
    const { file } = await filled();
    const child = start('src/cli.ts', words, { DATABASE_URL: `sqlite:${file}` });
    child.stdout.destroy();
    expect(await finished(child)).toEqual({ code: 0, stdout: '', stderr: '' });
  },
);
