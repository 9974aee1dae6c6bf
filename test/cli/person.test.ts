/** The rights of people: `leads person export` and `leads person erase`, on both stores. */
import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { eraseFiles } from '../../src/store/erase-files.ts';
import { StoreKeys } from '../../src/store/keys/store-keys.ts';
import { openStore } from '../../src/store/open.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { executeCli, lines } from '../harness/cli.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { finished, start } from '../harness/process.ts';
import { deliverDue, temporaryDirectory } from '../harness/server.ts';
import { newSubmission } from '../harness/submissions.ts';
import { seeded } from '../store/stores.ts';

const mobile = '+447840258823';
const another = '+447911123456';
/** The key of every store. */
const key = 'ab'.repeat(32);
/** Options with which evidence is erased too. */
const completely = ['--yes', '--including-evidence', 'a court order'];

/** Digits that only the number has, in every notation. */
const trace = '258823';

interface Opened {
  url: string;
  directory: string;
  leads: (words: readonly string[], input?: string) => ReturnType<typeof executeCli>;
  /** Adds leads of the person, and leads of another person. */
  fill(): Promise<{ submission: string; lead: string; kept: string }>;
}

async function opened(url: string, directory: string, changes: Record<string, string> = {}): Promise<Opened> {
  await (await openStore(url)).close();
  const environment = {
    DATABASE_URL: url,
    STORE_KEY_FILE: join(directory, 'store.key'),
    ERASURE_LOG: join(directory, 'erasures'),
    ...changes,
  };
  appendFileSync(environment.STORE_KEY_FILE, `${key}\n`);
  return {
    url,
    directory,
    leads: (words, input = '') => executeCli(words, environment, input),
    fill: () => fill(url),
  };
}

async function fill(url: string) {
  const { store, first, second, from } = await seeded(openStore(url));
  const content = JSON.stringify({ type: 'motor', mobile: `07840 ${trace}`, first_name: 'John' });
  const sent = from(first.id, { mobile, content });
  const added = await store.submit(sent, { key: `lead-07840${trace}`, fingerprint: 'print' });
  await store.submit(from(second.id, { mobile, content }));
  const other = JSON.stringify({ type: 'motor', mobile: another, other_phone: `(07840) ${trace}` });
  await store.submit(from(first.id, { mobile: another, content: other, delays: 3_600 }));
  const kept = from(second.id, { mobile: '+447911123457', content: '{"first_name":"Jane"}', delays: 3_600 });
  await store.submit(kept);
  await store.close();
  return { submission: sent.id, lead: added.outcome === 'accepted' ? added.leadId : '', kept: kept.id };
}

const databases = [
  {
    name: 'SQLite',
    open: () => {
      const directory = temporaryDirectory();
      return opened(`sqlite:${join(directory, 'leads.db')}`, directory);
    },
  },
  { name: 'PostgreSQL', open: async () => opened(await storeDatabase(), temporaryDirectory()) },
];

/** Returns every row of a store as text. */
async function dump(url: string): Promise<string> {
  const store = await openStore(url);
  const tables = tablesToCopy.map((table) => store.rows(table, undefined, 10_000));
  const text = JSON.stringify(await Promise.all(tables));
  await store.close();
  return text;
}

/** Returns the names of the files in a directory that contain a text. */
function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory).filter(
    (name) => statSync(join(directory, name)).isFile() && readFileSync(join(directory, name)).includes(text),
  );
}

describe.each(databases)('$name', ({ open }) => {
  test('exports everything about a person, under both phone numbers, and nothing about others', async () => {
    const { leads, fill, url } = await open();
    const { submission, kept } = await fill();
    const exported = await leads(['person', 'export', '-'], `07840 ${trace}\n`);
    expect(exported.code, exported.stderr).toBe(0);
    const { mobile: number, tables } = JSON.parse(exported.stdout);
    expect(number).toBe(mobile);
    const count = (table: string) => tables[table].length;
    expect([count('lead'), count('submission'), count('idempotency_record')]).toEqual([2, 3, 1]);
    expect(tables.submission.map(({ id }: { id: string }) => id)).toContain(submission);
    expect(tables.lead[0]).toMatchObject({ partner: 'first', type: 'motor' });
    expect(tables.lead[0].accepted_at).toMatch(/^20\d\d-.*Z$/);
    expect(exported.stdout).not.toContain(kept);
    // Every row of the tables that contains the number is in the export.
    const rows = (await dump(url)).split(trace).length;
    expect(exported.stdout.split(trace).length).toBeGreaterThanOrEqual(rows);
  });

  test('erases a person, of whom a keyed digest stays', async () => {
    const { leads, fill, url, directory } = await open();
    const { submission, kept } = await fill();
    const refused = await leads(['person', 'erase', mobile]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('1 person will be erased, with 2 leads and 3 submissions');
    const before = await dump(url);
    expect(before.split(trace).length).toBeGreaterThan(5);
    expect(before).toContain(another);

    const erased = await leads(['person', 'erase', '-', '--json', ...completely], `${mobile}\n`);
    expect(erased.code, erased.stderr).toBe(0);
    const [result] = lines(erased) as { digest: string }[];
    expect(result).toMatchObject({ leads: 2, submissions: 3, suppressions: 0 });
    const after = await dump(url);
    expect(after).not.toContain(trace);
    expect(after).not.toContain(another);
    expect(after).toContain(kept);
    expect(after).toContain(result?.digest);
    expect(filesWith(directory, trace)).toEqual([]);
    expect(readFileSync(join(directory, 'erasures'), 'utf8')).toContain(result?.digest);

    expect((await leads(['submission', 'rerun', submission])).stderr).toContain(submission);
    const store = await openStore(url);
    onTestFinished(() => store.close());
    const partner = (await Array.fromAsync(store.partners())).length;
    expect(partner).toBe(2);
    const { partners } = await store.namesById();
    const [partnerId = 0] = partners.keys();
    const again = { partnerId, keyId: 'key', receivedAt: Date.now(), type: 'motor', mobile, delays: 0 };
    expect(await store.submit({ ...again, id: 'again', content: '{}', trace: undefined })).toMatchObject({
      outcome: 'accepted',
    });
  });

  test('keeps evidence, and nothing else, unless it is included', async () => {
    const { leads, fill, url, directory } = await open();
    await fill();
    const erased = await leads(['person', 'erase', mobile, '--yes']);
    expect(erased.code, erased.stderr).toBe(0);
    const tables = JSON.parse(await dump(url)) as unknown[];
    const names = tablesToCopy.map(({ name }) => name);
    const withNumber = names.filter((_, index) => JSON.stringify(tables[index]).includes(trace));
    expect(withNumber).toEqual(['evidence']);
    const exported = JSON.parse((await leads(['person', 'export', mobile])).stdout);
    expect(exported.tables.evidence).toHaveLength(3);
    const { stdout: document } = await leads(['person', 'evidence', mobile]);
    expect(document).toMatch(/^This person was erased at \d{4}-\S+Z\. Evidence was kept\.$/m);
    expect(document).toContain('Evidence about an erased person is restricted');
    expect(document.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
    expect((await leads(['person', 'evidence', mobile])).stdout).toContain('Reason: a court order');
    expect(JSON.parse((await leads(['person', 'evidence', mobile, '--json'])).stdout).erasures).toEqual([
      { erased_at: expect.any(String), evidence_reason: null },
      { erased_at: expect.any(String), evidence_reason: 'a court order' },
    ]);
    expect(await dump(url)).not.toContain(trace);
    expect(filesWith(directory, trace)).toEqual([]);
  });

  test('with --suppress, a digest of the number prevents calls, and nothing of the number stays', async () => {
    const { leads, fill, url, directory } = await open();
    await fill();
    const entry = ['--reason', `call me on 07840 ${trace} no more`];
    expect((await leads(['suppression', 'add', mobile, ...entry])).code).toBe(0);
    await listInRegistry(url);
    const erased = await leads(['person', 'erase', mobile, '--suppress', ...completely]);
    expect(erased.stdout).toContain('The do-not-call list still contains the digest of the number');
    expect(await dump(url)).not.toContain(trace);
    expect(filesWith(directory, trace)).toEqual([]);
    if (url.startsWith('sqlite:')) expect(indexedNumbers(url)).toEqual([]);
    const { store, from } = await opening(url);
    expect(await store.submit(from({ mobile }))).toMatchObject({ outcome: 'do-not-call' });

    const again = lines(await leads(['person', 'erase', mobile, '--json', ...completely]));
    const [{ digest }] = again as [{ digest: string }];
    const [checked] = lines(await leads(['suppression', 'check', mobile, '--json']));
    expect(checked).toMatchObject({ mobile: digest, source: 'operator', reason: null });
    expect((await leads(['suppression', 'check', mobile])).stdout).toContain('tps');
    expect((await leads(['suppression', 'list'])).stdout).toContain(`erased ${digest.slice(0, 8)}`);
    const exported = JSON.parse((await leads(['person', 'export', mobile])).stdout);
    expect(exported.tables.suppression).toHaveLength(1);
    expect((await leads(['suppression', 'remove', mobile, '--yes'])).stdout).toContain('Removed 1 entry.');
    expect(await store.submit(from({ mobile }))).toMatchObject({ outcome: 'accepted' });
  });

  test('a command that cannot recognise digests reports that the key is missing', async () => {
    const { leads, url, directory } = await open();
    expect((await leads(['person', 'erase', mobile, '--suppress', ...completely])).code).toBe(0);
    const environment = { DATABASE_URL: url, STORE_KEY_FILE: join(directory, 'missing') };
    const checked = await executeCli(['suppression', 'check', mobile], environment);
    expect(checked.stderr).toMatch(/with the key of the store .* is missing/);
    expect(checked.stdout).toContain('None of the numbers');
    const taken = await executeCli(['due', '--take', '1'], environment);
    expect(taken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing is accepted or delivered'),
    });
  });

  test('`leads prune` replaces the numbers of delivered leads by digests', async () => {
    const { leads, url, directory } = await open();
    const { store, first, from } = await seeded(openStore(url));
    const past = Date.now() - 60_000;
    const { id: _, ...sent } = from(first.id, { mobile, receivedAt: past });
    await store.submit(newSubmission(sent));
    await deliverDue(store);
    await store.close();
    const environment = { DATABASE_URL: url, STORE_KEY_FILE: join(directory, 'missing') };
    const old = ['prune', '--older-than', '1s', '--yes'];
    // A second after the delivery.
    await vi.waitFor(
      async () => {
        const { stdout } = await executeCli(old, environment);
        expect(stdout).toContain('1 delivered lead keeps its phone number');
      },
      { timeout: 10_000, interval: 300 },
    );
    expect(await dump(url)).toContain(trace);

    const pruned = await leads([...old, '--json']);
    expect(lines(pruned)).toMatchObject([{ leads: 1, contacts: 1, without_key: 0 }]);
    const again = await opening(url);
    const { current: key } = StoreKeys.parse(StoreKeys.generate(), 'test');
    await again.store.removeEvidenceOf(mobile, 'a test', key);
    await eraseFiles(again.store);
    expect(await dump(url)).not.toContain(trace);
    expect(filesWith(directory, trace)).toEqual([]);
    expect(await again.store.submit(again.from({ mobile }))).toMatchObject({ outcome: 'existing-contact' });
  });

  test('erases a person again whom a copy of the store from before brings back', async () => {
    const { leads, fill, url, directory } = await open();
    // Another store, with the rows that a backup contains.
    const copy = await open();
    await Promise.all([fill(), copy.fill()]);
    expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
    const log = readFileSync(join(directory, 'erasures'), 'utf8');
    appendFileSync(join(copy.directory, 'erasures'), log);
    const marked = await copy.leads(['store', 'mark-restored', '--yes']);
    expect(marked.stderr).toContain('The store is a copy from before 1 erasure: 1 person was erased again.');
    expect(await dump(copy.url)).not.toContain(trace);
    expect(await dump(url)).not.toContain(trace);
    const repeated = await copy.leads(['store', 'mark-restored', '--yes']);
    expect(repeated.stderr).not.toContain('erased again');
  });

  test('digests the number of an erased person in a copy whose list contains nothing else of it', async () => {
    const { leads, url, directory } = await open();
    const copy = await open();
    for (const each of [leads, copy.leads]) expect((await each(['suppression', 'add', mobile])).code).toBe(0);
    expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
    appendFileSync(join(copy.directory, 'erasures'), readFileSync(join(directory, 'erasures'), 'utf8'));
    expect(await dump(copy.url)).toContain(trace);
    await copy.leads(['store', 'mark-restored', '--yes']);
    for (const store of [url, copy.url]) expect(await dump(store)).not.toContain(trace);
    const [entry] = lines(await copy.leads(['suppression', 'check', mobile, '--json']));
    expect(entry).toMatchObject({ source: 'operator' });
  });

  test('refuses to erase without the key of the store', async () => {
    const { url, directory } = await open();
    const environment = { DATABASE_URL: url, STORE_KEY_FILE: join(directory, 'missing') };
    const refused = await executeCli(['person', 'erase', mobile, ...completely], environment);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Nothing was erased.');
  });
});

/** Returns the numbers of the do-not-call list that an SQLite store has as integers, which no text finds. */
function indexedNumbers(url: string): unknown[] {
  const database = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true });
  try {
    return database.prepare('SELECT digits FROM suppressed_number').all();
  } finally {
    database.close();
  }
}

/** Imports a list of TPS that contains the person. */
async function listInRegistry(url: string): Promise<void> {
  const { store } = await opening(url);
  const list = await store.beginRegistryList('tps', Date.now(), undefined);
  await store.addToRegistryList(list, [mobile]);
  await store.completeRegistryList(list);
}

/** Opens a store, and returns a function that creates submissions of a partner. */
async function opening(url: string) {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  store.useKeys(StoreKeys.parse(key, 'test'));
  const [partnerId = 0] = (await store.namesById()).partners.keys();
  const from = (changes: { mobile: string }) => ({
    id: `sent-${Date.now()}`,
    partnerId,
    keyId: 'key',
    receivedAt: Date.now(),
    type: 'motor',
    delays: 0,
    content: '{}',
    trace: undefined,
    ...changes,
  });
  return { store, from };
}

const sqlite = databases[0] as (typeof databases)[number];

test('`leads store restore` does not bring an erased person back', async () => {
  const { leads, fill, url, directory } = await sqlite.open();
  await fill();
  const backups = temporaryDirectory();
  const backup = join(backups, 'backup.db');
  expect((await leads(['store', 'backup', backup])).code).toBe(0);
  expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
  const restored = await leads(['store', 'restore', backup, '--yes']);
  expect(restored.code, restored.stderr).toBe(0);
  expect(restored.stderr).toContain('1 person was erased again');
  expect(await dump(url)).not.toContain(trace);
  expect(readFileSync(join(directory, 'leads.db')).includes(trace)).toBe(false);
});

test('a server erases people again before it serves a store that another tool has restored', async () => {
  const { leads, fill, directory } = await sqlite.open();
  const copy = await sqlite.open();
  await Promise.all([fill(), copy.fill()]);
  expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
  const server = start('src/main.ts', [], {
    DATABASE_URL: copy.url,
    STORE_KEY_FILE: join(copy.directory, 'store.key'),
    ERASURE_LOG: join(directory, 'erasures'),
    PORT: '0',
  });
  const ended = finished(server);
  await expect.poll(async () => (await dump(copy.url)).includes(trace), { timeout: 20_000 }).toBe(false);
  server.kill('SIGTERM');
  expect((await ended).stdout).toContain('1 person was erased again');
});

test('reports that the bytes are still in the files while another process reads the store', async () => {
  const { leads, fill, directory } = await sqlite.open();
  await fill();
  const reader = new DatabaseSync(join(directory, 'leads.db'));
  onTestFinished(() => reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM lead').all();
  const pending = await leads(['person', 'erase', mobile, ...completely]);
  expect(pending.code).toBe(1);
  expect(pending.stdout).toContain('Erased a person');
  expect(pending.stderr).toContain('Run the command again when that process has ended.');
  reader.exec('COMMIT');
  expect((await leads(['person', 'erase', mobile, ...completely])).code).toBe(0);
  expect(filesWith(directory, trace)).toEqual([]);
}, 60_000);

test('refuses a reason that may contain personal data', async () => {
  const { leads } = await sqlite.open();
  const refused = await leads([
    'person',
    'erase',
    mobile,
    '--yes',
    '--including-evidence',
    'call 07840258823',
  ]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('no phone number or e-mail address');
});
