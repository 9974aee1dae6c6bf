/** Deleted personal data cannot be read in the store's files or in later backups. */

import { execFileSync } from 'node:child_process';
import { openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { identifierBound } from '../../../src/leads/identifier.ts';
import { pruneAll } from '../../../src/store/prune.ts';
import { overwriteUnallocatedSpace } from '../../../src/store/sqlite/file/unallocated-space.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { run } from '../../harness/process.ts';
import { temporaryDirectory } from '../../harness/server.ts';
import { allowWrites, missingFor } from '../../proof/disk.ts';
import { closeAfterTest, openStore, seeded } from '../stores.ts';

const day = 86_400_000;

/** Reads a store's files, in another process: closing a file here would release SQLite's locks. */
function bytesOf(file: string): string {
  const bytes = execFileSync('sh', ['-c', 'cat "$0" "$0-wal" 2>/dev/null || true', file], {
    maxBuffer: 2 ** 30,
  });
  return bytes.toString('latin1');
}

/** Personal data of a person that the store contains. */
const personalDataOf = (who: number) => [mobileOf(who), `Name${who}!`, `mail${who}@leads.example`];

/** Finds all personal data in bytes. */
const personalDataIn = (bytes: string) =>
  new Set(bytes.match(/\+44784[0-9]{7}|Name[0-9]+!|mail[0-9]+@leads\.example/g));

/** Saves a person `daysAgo`; every third has an unknown type, and some are cancelled. */
async function save(store: Store, partnerId: number, who: number, daysAgo: number): Promise<void> {
  const [mobile = '', first_name, email] = personalDataOf(who);
  const receivedAt = Date.now() - daysAgo * day + who;
  // Some bodies need overflow pages.
  const data = 'x'.repeat(who % 50 === 0 ? 9_000 : 10);
  const content = JSON.stringify({ first_name, email, mobile, data });
  const type = who % 3 === 0 ? 'unknown' : 'motor';
  // `newSubmission` never returns an id older than the last one.
  const id = identifierBound(receivedAt) + who.toString(32).padStart(10, '0');
  await store.submit({ id, partnerId, keyId: null, receivedAt, type, mobile, delays: 3_600, content });
  if (daysAgo > 400 && type === 'motor')
    await store.cancel({ id: `${id}c`, partnerId, keyId: null, receivedAt, type, mobile, content });
}

/** Writes bytes to the unallocated space of a page, where SQLite leaves remains of moved rows. */
function plantTrace(file: string, trace: string): void {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const page = database.prepare(`SELECT pageno FROM dbstat WHERE name = 'lead_type'`).get();
  database.close();
  const start = (Number(page?.['pageno']) - 1) * 4096;
  const bytes = execFileSync('cat', [file], { maxBuffer: 2 ** 30 }).subarray(start, start + 4096);
  const unallocated = 8 + 2 * bytes.readUInt16BE(3);
  expect(bytes.readUInt16BE(5) - unallocated).toBeGreaterThan(trace.length);
  // Not closed: that would release SQLite's locks.
  writeSync(openSync(file, 'r+'), trace, start + unallocated);
}

test('erases pruned people from the file, the log and later backups while others write', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'leads.db');
  const { store: server, first } = await seeded(closeAfterTest(openSqliteStore(file)));
  const old = Array.from({ length: 600 }, (_, index) => index);
  const recent = Array.from({ length: 60 }, (_, index) => 1_000 + index);
  await Promise.all(old.map((who) => save(server, first.id, who, 500)));
  await Promise.all(recent.map((who) => save(server, first.id, who, 1)));
  const before = personalDataIn(bytesOf(file));
  expect([...old, ...recent].flatMap(personalDataOf).filter((trait) => !before.has(trait))).toEqual([]);

  const operator = closeAfterTest(openSqliteStore(file));
  let isDone = false;
  let added = 0;
  const adding = (async () => {
    for (; !isDone; added += 1) await save(server, first.id, 2_000 + added, 1);
  })();
  const pruned = await pruneAll(operator, Date.now() - 400 * day, () =>
    plantTrace(file, personalDataOf(1).join()),
  );
  isDone = true;
  await adding;
  expect(pruned.submissions).toBe(old.length);
  expect(added).toBeGreaterThan(2);

  const backup = join(directory, 'copy.db');
  await operator.backup(backup);
  for (const bytes of [bytesOf(file), readFileSync(backup, 'latin1')]) {
    const found = personalDataIn(bytes);
    expect(old.flatMap(personalDataOf).filter((trait) => found.has(trait))).toEqual([]);
    expect(recent.flatMap(personalDataOf).filter((trait) => !found.has(trait))).toEqual([]);
  }
  await server.close();
  await operator.close();
  const database = new DatabaseSync(file);
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  expect(database.prepare('PRAGMA freelist_count').get()).toEqual({ freelist_count: 0 });
  database.close();
});

test('overwrites only what SQLite leaves of deleted rows despite secure_delete', () => {
  let traces = 0;
  for (let seed = 1; seed <= 8; seed += 1) {
    const file = join(temporaryDirectory(), 'people.db');
    const database = new DatabaseSync(file);
    // More pages than one pointer map has entries.
    database.exec(`PRAGMA page_size = 512; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA secure_delete = ON;
      CREATE TABLE person (name TEXT PRIMARY KEY, data TEXT) STRICT, WITHOUT ROWID; BEGIN`);
    const deleted = insertAndDelete(database, seed);
    database.exec('COMMIT');
    const rows = () => database.prepare('SELECT * FROM person').all();
    const before = rows();
    database.close();
    const left = () => {
      const bytes = readFileSync(file, 'latin1');
      return deleted.filter((name) => bytes.includes(name));
    };
    traces += left().length;
    const descriptor = openSync(file, 'r+');
    for (let first = 1, read = 50; read === 50; first += read)
      read = overwriteUnallocatedSpace(descriptor, first, 50);
    expect(left()).toEqual([]);
    database.open();
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(rows()).toEqual(before);
    database.close();
  }
  expect(traces).toBeGreaterThan(0);
});

/** Inserts people in random order and deletes most of them. Returns the names of the deleted ones. */
function insertAndDelete(database: DatabaseSync, seed: number): string[] {
  let state = seed;
  // Lehmer's generator: every run has the same people.
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const insert = database.prepare('INSERT INTO person VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM person WHERE name = ?');
  const here: string[] = [];
  const deleted: string[] = [];
  for (let index = 0; index < 2_000; index += 1) {
    const name = `${random(1_000_000_000)}-${index}-`;
    insert.run(name, 'y'.repeat(random(100)));
    here.push(name);
    // The last ones are all deleted.
    if (random(2) === 0 && index <= 1_500) continue;
    const [removed = ''] = here.splice(random(here.length), 1);
    remove.run(removed);
    deleted.push(removed);
  }
  return deleted;
}

test('reports what can still be read if a reader prevents the erasure', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first } = await seeded(closeAfterTest(openSqliteStore(file)));
  await save(store, first.id, 1, 500);
  const reader = new DatabaseSync(file);
  onTestFinished(() => reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM lead').get();
  await save(store, first.id, 2, 500);
  // The first reading of the clock sets the deadline.
  const begun = performance.now();
  const clock = vi
    .spyOn(performance, 'now')
    .mockReturnValue(begun + 60_000)
    .mockReturnValueOnce(begun);
  onTestFinished(() => clock.mockRestore());
  await expect(store.erase(0)).rejects.toThrow(
    /can still be read in .*leads\.db or its log.*Run the command again/,
  );
});

test('does not overwrite the file while another connection runs a checkpoint', async () => {
  const { store } = await seeded(closeAfterTest(openSqliteStore(join(temporaryDirectory(), 'leads.db'))));
  const { prepare } = DatabaseSync.prototype;
  let busyCheckpoints = 0;
  const prepared = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (
    this: unknown,
    sql,
  ) {
    // The cast: `prepare` is a method of DatabaseSync.
    const statement = prepare.call(this as DatabaseSync, sql);
    if (sql === 'PRAGMA wal_checkpoint(PASSIVE)' && busyCheckpoints < 3) {
      busyCheckpoints += 1;
      // What SQLite returns while another connection holds the checkpoint lock.
      statement.get = () => ({ busy: 1, log: -1, checkpointed: -1 });
    }
    return statement;
  });
  onTestFinished(() => prepared.mockRestore());
  await store.erase(0);
  // The store tried again until no other connection ran a checkpoint.
  expect(busyCheckpoints).toBe(3);
});

test('shrinks the file step by step if much of it is free', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store } = await seeded(closeAfterTest(openSqliteStore(file)));
  expect(await store.shrink()).toBe(false);
  const other = new DatabaseSync(file, { timeout: 5_000 });
  onTestFinished(() => other.close());
  other.exec(
    'CREATE TABLE ballast (bytes BLOB) STRICT; INSERT INTO ballast VALUES (zeroblob(8000000)); DROP TABLE ballast',
  );
  const pages = () => Number(other.prepare('PRAGMA page_count').get()?.['page_count']);
  const before = pages();
  let steps = 0;
  while (await store.shrink()) steps += 1;
  expect(steps).toBeGreaterThan(2);
  expect(pages()).toBeLessThan(before - 900);
  expect(statSync(`${file}-wal`).size).toBe(0);
});

test('compacts the store on demand, without remains of deleted rows', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store } = await seeded(openSqliteStore(file));
  await store.close();
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA secure_delete = OFF;
    CREATE TABLE removed (text TEXT) STRICT; INSERT INTO removed VALUES ('Name1!'); DELETE FROM removed;
    CREATE TABLE ballast (bytes BLOB) STRICT; INSERT INTO ballast VALUES (zeroblob(5000000)); DELETE FROM ballast`);
  database.close();
  expect(bytesOf(file)).toContain('Name1!');
  const compacted = await run('src/cli.ts', ['store', 'compact'], { DATABASE_URL: `sqlite:${file}` });
  expect([compacted.code, compacted.stdout]).toEqual([0, 'Compacted the store.\n']);
  expect(statSync(file).size).toBeLessThan(1_000_000);
  expect(bytesOf(file)).not.toContain('Name1!');
});

test('after a compaction that failed, statements do not wait for locks, and the store can be written', async (context) => {
  // Only Linux can change the limits of a running process. Elsewhere the test is skipped, and the summary prints why.
  const missing = missingFor('unwritable');
  if (missing !== undefined) context.skip(missing);
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  const executed = vi.spyOn(DatabaseSync.prototype, 'exec');
  onTestFinished(() => executed.mockRestore());
  allowWrites(process, false);
  const compaction = await store.compact().then(
    () => 'compacted',
    (error: unknown) => String(error),
  );
  allowWrites(process, true);
  expect(compaction).toMatch(/disk/);
  // The cast: `exec` is a method of DatabaseSync.
  const database = executed.mock.contexts[
    executed.mock.calls.findIndex(([sql]) => sql === 'VACUUM')
  ] as DatabaseSync;
  expect(database.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 0 });
  await store.submit(from(first.id));
  await store.compact();
});
