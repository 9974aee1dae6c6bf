/** `leads import` adds what a partner could have sent, however often it is interrupted. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { executeCli, lines } from '../harness/cli.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { mobileOf } from '../harness/mobile.ts';
import { finished, start } from '../harness/process.ts';
import { leadsIn, submissionsIn, temporaryDirectory } from '../harness/server.ts';
import { operatorEntry } from '../harness/suppressions.ts';

/** Creates a store with the type `motor` and the partner `acme`, and functions that use it and files next to it. */
async function withPartner(url?: string) {
  const directory = temporaryDirectory();
  const databaseUrl = url ?? `sqlite:${join(directory, 'leads.db')}`;
  const store = await openStore(databaseUrl, { schema: 'prepare' });
  onTestFinished(() => store.close());
  await store.addType('motor', null);
  await store.addPartner('acme', ['motor']);
  const environment = { DATABASE_URL: databaseUrl };
  return {
    store,
    directory,
    environment,
    /** Writes a file and returns its path. */
    write: (name: string, text: string) => {
      const file = join(directory, name);
      writeFileSync(file, text);
      return file;
    },
    read: (name: string) => readFileSync(join(directory, name), 'utf8'),
    importing: (file: string, ...options: string[]) =>
      executeCli(['import', file, '--partner', 'acme', ...options], environment),
  };
}

const header = 'mobile,first_name,surname,email,type';

/** Returns a line of CSV with a person. */
function person(index: number, type = 'motor'): string {
  return `${mobileOf(index)},John,Doe,john@test.com,${type}`;
}

function csv(...rows: string[]): string {
  return `${[header, ...rows].join('\n')}\n`;
}

/** Returns the phone numbers of all leads, sorted. */
async function mobilesIn(store: Store): Promise<string[]> {
  return (await leadsIn(store)).map(({ mobile }) => mobile).toSorted();
}

test('adds valid lines, and writes the others with the reason to a file that can be corrected and imported', async () => {
  const { store, directory, write, read, importing } = await withPartner();
  const options = [
    '--map',
    'mobile=Phone,first_name="First, name"',
    '--set',
    'type=motor',
    '--ignore-columns',
  ];
  const file = write(
    'leads.csv',
    [
      '\ufeffPhone,"First, name",surname,email,type,Notes',
      `${mobileOf(1)},John,Doe,john@test.com,,=1+1`,
      `${mobileOf(2)},"Ja""ne",Doe,jane@test.com,,"a, b"`,
      '123,Jack,"-Doe",jack@test.com,motor,"=x, y"',
      `${mobileOf(3)},Jim`,
      `${mobileOf(4)},Joe,Doe,joe@test.com,moter,`,
      `${mobileOf(1)},John,Doe,john@test.com,motor,`,
      '',
    ].join('\r\n'),
  );
  const first = await importing(file, ...options);
  expect(first).toMatchObject({
    code: 1,
    stdout:
      'Read 6 lines: 2 accepted, 1 validation-failed, 1 unreadable, 1 unknown-type, 1 already-scheduled.\n',
    stderr: expect.stringContaining(
      `3 lines were not imported: line 4 (mobile: Mobile is not a valid phone number.), line 5 (The line has 2 cells, and the header has 6.), line 6 (Unknown Type). Correct them in ${join(directory, 'leads.rejected.csv')}, and import that file with the same options.`,
    ),
  });
  expect(first.stderr).toContain('Importing [====================] 100%, 0s left');
  const rejected = read('leads.rejected.csv');
  expect(rejected).toBe(
    [
      'import_error,Phone,"First, name",surname,email,type,Notes',
      'mobile: Mobile is not a valid phone number.,123,Jack,-Doe,jack@test.com,motor,"=x, y"',
      `"The line has 2 cells, and the header has 6.",${mobileOf(3)},Jim`,
      `Unknown Type,${mobileOf(4)},Joe,Doe,joe@test.com,moter,`,
      '',
    ].join('\r\n'),
  );
  expect(statSync(join(directory, 'leads.rejected.csv')).mode & 0o777).toBe(0o600);
  await importing(join(directory, 'leads.rejected.csv'), ...options);
  expect(read('leads.rejected.rejected.csv')).toBe(
    rejected.replace(
      'The line has 2 cells, and the header has 6.',
      'The line has 3 cells, and the header has 7.',
    ),
  );
  write(
    'leads.rejected.csv',
    rejected
      .replace('123', mobileOf(5))
      .replace('Jim\r', 'Jim,Doe,jim@test.com,,\r')
      .replace('moter', 'motor'),
  );
  const second = await importing(join(directory, 'leads.rejected.csv'), ...options, '--json');
  expect(second.code, second.stderr).toBe(0);
  expect(lines(second)).toMatchObject([
    { lines: 3, outcomes: { accepted: 3 }, rejected: 0, rejected_file: null },
  ]);
  expect(await mobilesIn(store)).toEqual([1, 2, 3, 4, 5].map(mobileOf));
  const contents = (await submissionsIn(store)).map(({ content }) => JSON.parse(content ?? ''));
  expect(contents).toContainEqual({
    mobile: mobileOf(5),
    first_name: 'Jack',
    surname: '-Doe',
    email: 'jack@test.com',
    type: 'motor',
  });
});

test('refuses a file whose columns are unknown, missing or doubled, and options with unknown fields', async () => {
  const { store, directory, write, importing } = await withPartner();
  const file = write('leads.csv', `Phone,First name,Nickname,${header}\n`);
  expect((await importing(file)).stderr).toBe(
    'These columns are not fields of a lead: "Phone" (perhaps --map mobile=Phone), "First name" (perhaps --map \'first_name=First name\'), "Nickname". Map them with --map, or leave them out with --ignore-columns. Nothing was imported.\n',
  );
  expect((await importing(file, '--map', 'mobile=Mobil')).stderr).toContain(
    'The file has no column "Mobil" for the field "mobile". Its columns are "Phone", "First name",',
  );
  expect((await importing(file, '--map', 'moblie=Phone')).stderr).toContain(
    'A lead has no field "moblie". Did you mean "mobile"?',
  );
  expect((await importing(file, '--set', 'ref=1')).stderr).toContain('A lead has no field "ref".');
  expect((await importing(file, '--map', 'mobile')).stderr).toContain('Pass FIELD=COLUMN');
  expect((await importing(file, '--set', 'type')).stderr).toContain('Pass FIELD=VALUE');
  expect((await importing(file, '--set', 'type=a', '--set', 'type=b')).stderr).toContain('is given twice');
  expect((await importing(write('twice.csv', `${header},mobile\n`))).stderr).toContain(
    '"mobile" occurs twice',
  );
  expect((await importing(write('empty.csv', ''))).stderr).toContain('The file is empty.');
  expect((await importing(write('semicolons.csv', 'mobile;email\n'))).stderr).toContain(
    'not separated by commas',
  );
  expect((await importing(directory)).stderr).toContain('is a directory.');
  expect(await submissionsIn(store)).toEqual([]);
});

test('keeps and reports what was imported before an error', async () => {
  const { store, write, importing } = await withPartner();
  const lead = { first_name: 'John', surname: 'Doe', email: 'john@test.com', type: 'motor' };
  const people = Array.from({ length: 500 }, (_, index) =>
    JSON.stringify({ ...lead, mobile: mobileOf(index) }),
  );
  const file = write('leads.jsonl', [...people, 'x'.repeat(300_000)].join('\n'));
  const { code, stderr } = await importing(file);
  expect(code).toBe(1);
  expect(stderr).toContain('A line is longer than 100000 characters.');
  expect(stderr).toContain(
    'The first 500 lines are imported. Run the command again with the same file and options to continue.\n',
  );
  expect(await submissionsIn(store)).toHaveLength(500);
  const [last] = await Array.fromAsync(store.auditEntries({ command: 'import' }, 1));
  expect(last?.after).toMatchObject({ state: 'interrupted', lines: 500, accepted: 500 });
});

test('reports invalid CSV and lines that are not UTF-8', async () => {
  const { store, write, importing } = await withPartner();
  const invalid = await importing(write('quote.csv', csv(person(1).replace('Doe', 'D"oe'))));
  expect(invalid.stderr).toMatch(
    /The file is not valid CSV: .*line 2.*Correct it, and run the command again\./,
  );
  const latin = await importing(write('latin.csv', csv(person(1).replace('Doe', 'D\ufffde'), person(2))));
  expect(latin.stdout).toBe('Read 2 lines: 1 unreadable, 1 accepted.\n');
  expect(latin.stderr).toContain('line 2 (The line is not UTF-8: save the original file as UTF-8');
  expect(await mobilesIn(store)).toEqual([mobileOf(2)]);
});

test('imports NDJSON, whose invalid lines stay as they are', async () => {
  const { store, directory, write, read, importing } = await withPartner();
  const lead = (index: number) => ({
    mobile: mobileOf(index),
    first_name: 'John',
    surname: 'Doe',
    type: 'motor',
  });
  const file = write(
    'leads.ndjson',
    [
      JSON.stringify({ ...lead(1), email: 'john@test.com', delays: 600, import_error: 'old' }),
      '',
      '{"mobile":',
      JSON.stringify({ ...lead(2), email: 'john' }),
      `{"__proto__":1,${JSON.stringify({ ...lead(3), email: 'john@test.com' }).slice(1)}`,
    ].join('\n'),
  );
  const { code, stdout, stderr } = await importing(file, '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    lines: 4,
    outcomes: { accepted: 1, unreadable: 1, 'validation-failed': 2 },
    rejected_file: join(directory, 'leads.rejected.ndjson'),
  });
  expect(stderr).toContain('line 3 (The line is not a JSON object.)');
  const [unreadable, email, unknown] = read('leads.rejected.ndjson').trimEnd().split('\n');
  expect(unreadable).toBe('{"mobile":');
  expect(JSON.parse(email ?? '')).toEqual({
    import_error: expect.stringMatching(/^email: /),
    ...lead(2),
    email: 'john',
  });
  expect(unknown).toMatch(/"import_error":"__proto__: .*"__proto__":1,/);
  expect(await mobilesIn(store)).toEqual([mobileOf(1)]);
});

test('applies the rules of the partner and the deployment', async () => {
  const { store, environment, write, importing } = await withPartner();
  await executeCli(['settings', 'set', 'ALLOWED_COUNTRIES', 'GB'], environment);
  await store.addSuppressions([operatorEntry(mobileOf(2))]);
  await store.addType('consented', null);
  await store.setConsentRequired('consented', true);
  await store.grantType('acme', 'consented');
  await store.setDailyQuota('acme', 2);
  const abroad = person(9).replace(mobileOf(9), '+33612345678');
  const { stdout, stderr } = await importing(
    write('leads.csv', csv(abroad, person(2), person(3, 'consented'), person(1), person(4))),
  );
  expect(stdout).toBe('Read 5 lines: 2 validation-failed, 1 do-not-call, 1 accepted, 1 too-many-leads.\n');
  expect(stderr).toContain('line 2 (mobile: Mobile is not a valid phone number.');
  expect(stderr).toMatch(/line 2 \(.*ALLOWED_COUNTRIES.*\), line 4 \(consent_text: /);
  expect(await Array.fromAsync(store.partners())).toMatchObject([{ acceptedToday: 1 }]);
  await store.suspendPartner('acme');
  expect((await importing(write('more.csv', csv(person(5))))).stderr).toContain(
    'Partner "acme" is suspended',
  );
  await store.deletePartner('acme');
  expect((await importing(write('more.csv', csv(person(5))))).stderr).toContain('Partner "acme" was deleted');
  expect(await mobilesIn(store)).toEqual([mobileOf(1)]);
});

test('the history and the evidence of a person state that the lead was imported', async () => {
  const { environment, write, importing } = await withPartner();
  await importing(write('leads.csv', csv(person(1))));
  const shown = await executeCli(['lead', 'show', mobileOf(1), '--wide'], environment);
  expect(shown.stdout).toContain('motor, by acme, imported by an operator, Request-Id');
  const evidence = await executeCli(['person', 'evidence', mobileOf(1)], environment);
  expect(evidence.stdout).toMatch(/Channel:? +file, imported by an operator/);
});

test('reads standard input', async () => {
  const { store, environment } = await withPartner();
  const line = JSON.stringify({
    mobile: mobileOf(1),
    first_name: 'John',
    surname: 'Doe',
    email: 'john@test.com',
  });
  const words = ['import', '-', '--partner', 'acme', '--format', 'ndjson', '--set', 'type=motor'];
  const { code, stderr } = await executeCli(words, environment, line);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Importing, 0.0 MB read') });
  expect(await mobilesIn(store)).toEqual([mobileOf(1)]);
});

test('saves nothing with --dry-run', async () => {
  const { store, directory, write, importing } = await withPartner();
  const file = write('leads.csv', csv(person(1), person(2, 'moter'), 'x,,,,motor'));
  const { code, stdout } = await importing(file, '--dry-run');
  expect(code).toBe(1);
  expect(stdout).toBe(
    'Read 3 lines: 1 test, 1 test-unknown-type, 1 validation-failed. Nothing was saved (--dry-run).\n',
  );
  expect(readdirSync(directory)).toContain('leads.rejected.csv');
  expect(await submissionsIn(store)).toEqual([]);
  expect(await Array.fromAsync(store.auditEntries({}, 10))).toEqual([]);
});

test.each([
  { name: 'SQLite', url: async () => undefined },
  { name: 'PostgreSQL', url: storeDatabase },
])('a second run on $name repeats no batch, and tries rejected lines again', async ({ url }) => {
  const { store, write, read, importing } = await withPartner(await url());
  await store.setDailyQuota('acme', 501);
  const people = Array.from({ length: 502 }, (_, index) => person(index));
  const file = write('leads.csv', csv(...people));
  const first = await importing(file, '--json');
  expect(lines(first)).toMatchObject([{ outcomes: { accepted: 501, 'too-many-leads': 1 }, replayed: 0 }]);
  await store.setDailyQuota('acme', null);
  const second = await importing(file, '--json');
  expect(second.code, second.stderr).toBe(0);
  expect(lines(second)).toMatchObject([{ outcomes: { accepted: 502 }, replayed: 501, rejected: 0 }]);
  expect(read('leads.rejected.csv')).toContain(`Too many leads from this partner today.,${people[501]}`);
  expect(await submissionsIn(store)).toHaveLength(502);
  const [submission] = await submissionsIn(store);
  expect(submission).toMatchObject({ partner: 'acme', keyId: 'import' });
  const audited = await Array.fromAsync(store.auditEntries({ command: 'import' }, 10), ({ after }) => after);
  expect(audited.slice(0, 2)).toEqual([
    { import: 'leads.csv', state: 'complete', lines: 502, rejected: 0, accepted: 502 },
    { import: 'leads.csv', state: 'started' },
  ]);
});

test('reports what was imported when it is interrupted, and keeps no incomplete file of rejected lines', async () => {
  const { store, directory, environment } = await withPartner();
  const people = Array.from({ length: 600 }, (_, index) => person(index, index === 0 ? 'none' : 'motor'));
  const child = start('src/cli.ts', ['import', '-', '--partner', 'acme'], environment, directory);
  // Standard input stays open, so the signal arrives while the command waits for the rest of the second batch.
  child.stdin.write(csv(...people));
  await expect.poll(() => submissionsIn(store), { timeout: 30_000 }).not.toHaveLength(0);
  child.kill('SIGINT');
  const { code, stderr } = await finished(child);
  expect(code).toBe(1);
  expect(stderr).toContain(
    'The first 500 lines are imported. Run the command again with the same file and options to continue.\nThe import was interrupted.\n',
  );
  expect(readdirSync(directory).filter((name) => name.includes('rejected'))).toEqual([]);
});

test('continues after kill -9', async () => {
  const { store, write, environment, importing } = await withPartner();
  const text = csv(...Array.from({ length: 1_200 }, (_, index) => person(index)));
  const child = start('src/cli.ts', ['import', '-', '--partner', 'acme'], environment);
  // Standard input stays open, so the process is killed while it waits for the rest of the third batch.
  child.stdin.write(text);
  await expect.poll(() => submissionsIn(store), { timeout: 30_000 }).toHaveLength(1_000);
  child.kill('SIGKILL');
  const { code, stdout } = await importing(write('leads.csv', text), '--json');
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({
    code: 0,
    lines: 1_200,
    outcomes: { accepted: 1_200 },
    replayed: 1_000,
  });
  expect(new Set(await mobilesIn(store)).size).toBe(1_200);
  expect(await submissionsIn(store)).toHaveLength(1_200);
});
