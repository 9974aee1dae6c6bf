/**
 * Acknowledged leads are in the files that the next start opens; otherwise the server stops acknowledging and reports
 * the remedy.
 */

import { execFileSync } from 'node:child_process';
import fs, {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  isInUse,
  markedClosed,
  markedInUse,
  versionOf,
  withNewLineage,
} from '../../../src/store/sqlite/file/version.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { send } from '../../harness/client.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { run } from '../../harness/process.ts';
import { leadsIn, startServer, temporaryDirectory } from '../../harness/server.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { fileLosses } from './file-losses.ts';
import { logResets } from './log-resets.ts';

/** Creates a store with leads. */
async function storeWithLead(count = 1) {
  const file = join(temporaryDirectory(), 'data', 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  const add = (index: number) => store.submit(from(first.id, { mobile: mobileOf(index) }));
  for (let index = 0; index < count; index += 1) await add(index);
  return { file, store, add };
}

/** Copies a store's files as a process that is killed now would leave them. */
function copyAsIfKilled(file: string): string {
  const copy = join(temporaryDirectory(), 'leads.db');
  // In another process: closing a file here would release SQLite's locks.
  for (const suffix of ['', '-wal']) execFileSync('cp', [`${file}${suffix}`, `${copy}${suffix}`]);
  return copy;
}

async function mobilesIn(file: string): Promise<string[]> {
  const store = openSqliteStore(file);
  const leads = await leadsIn(store);
  await store.close();
  return leads.map((lead) => lead.mobile).toSorted();
}

async function backedUp(store: Store): Promise<string> {
  const copy = join(temporaryDirectory(), 'copy.db');
  await store.backup(copy);
  return copy;
}

test.each(fileLosses)('acknowledges, reads and writes nothing once $name', async ({ cause, reason }) => {
  const { file, store, add } = await storeWithLead();
  // Later checks treat the directory as unchanged.
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 1_000);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await add(1)).toMatchObject({ outcome: 'accepted' });
  await cause(file, () => backedUp(store));
  const error = await add(2).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect(String(error)).toMatch(reason);
  expect(String(error)).toMatch(/Stop every process|Do not stop this process yet/);
  const leads = () => execFileSync('sh', ['-c', `cat ${file}* | wc -c`], { encoding: 'utf8' });
  const before = existsSync(file) && leads();
  await expect(add(3)).rejects.toThrow(reason);
  await expect(store.claimDue({ claim: 'c', limit: 1, lease: 1 })).rejects.toThrow(reason);
  await expect(store.leadStatus({ partnerId: 1, type: 'motor', mobile: mobileOf(1) })).rejects.toThrow(
    reason,
  );
  expect(() => store.keyHolder('digest')).toThrow(reason);
  await expect(store.isGranted(1, 'motor')).rejects.toThrow(reason);
  await expect(store.nextAttemptAt()).rejects.toThrow(reason);
  for (const list of [store.dueLeads(1), store.leads({}, 1), store.partners()]) {
    await expect(Array.fromAsync<object>(list)).rejects.toThrow(reason);
  }
  await expect(store.checkReady()).rejects.toThrow(reason);
  expect(existsSync(file) && leads()).toBe(before);
});

/** Makes a descriptor one that can be synced but not read, like that of a file on a failing disk. */
function makeUnreadable(descriptor: number): void {
  closeSync(descriptor);
  // The lowest free number is used next.
  const opened: number[] = [];
  while (opened.at(-1) !== descriptor && opened.length <= descriptor) opened.push(openSync('/', 'r'));
  for (const other of opened) if (other !== descriptor) closeSync(other);
  expect(opened).toContain(descriptor);
}

test('responds with 503 if the files cannot be read after a commit, because the lead may be saved', async () => {
  const opened = vi.spyOn(fs, 'openSync');
  syncBuiltinESMExports();
  onTestFinished(() => {
    opened.mockRestore();
    syncBuiltinESMExports();
  });
  const server = await startServer();
  const log = opened.mock.calls.findIndex(([path]) => path === `${server.file}-wal`);
  makeUnreadable(Number(opened.mock.results[log]?.value));
  expect((await send(server, 'addLead')).status).toBe(503);
  const reader = new DatabaseSync(server.file, { readOnly: true });
  onTestFinished(() => reader.close());
  expect(reader.prepare('SELECT outcome FROM submission').all()).toEqual([{ outcome: 'accepted' }]);
});

test('a server whose files were replaced leaves the new files alone when it stops', async () => {
  const { file, store, add } = await storeWithLead();
  const copy = await backedUp(store);
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`);
  renameSync(copy, file);
  await expect(add(1)).rejects.toThrow('was removed or replaced');
  const next = openSqliteStore(file);
  await next.addType('home', null);
  await store.close();
  await next.addType('pet', null);
  expect(readdirSync(dirname(file)).toSorted()).toEqual(['leads.db', 'leads.db-shm', 'leads.db-wal']);
  await next.close();
  expect(await mobilesIn(file)).toEqual([mobileOf(0)]);
});

test('leaves a refused store unchanged, so that the newer version can open it', async () => {
  const { file } = await storeWithLead();
  const copy = copyAsIfKilled(file);
  const version = (change: number) => {
    const database = new DatabaseSync(copy);
    database.exec(`PRAGMA user_version = ${versionOf(database) + change}`);
    // Keeps the log, as if the process had been killed.
    return database;
  };
  const newer = version(1);
  const again = copyAsIfKilled(copy);
  newer.close();
  expect(() => openSqliteStore(again)).toThrow('a newer version has migrated it');
  const database = new DatabaseSync(again);
  expect(isInUse(versionOf(database))).toBe(false);
  database.exec(`PRAGMA user_version = ${versionOf(database) - 1}`);
  database.close();
  expect(await mobilesIn(again)).toEqual([mobileOf(0)]);
});

test('opens the store of a killed process with all acknowledged leads, even after moving it with its log', async () => {
  const { file, store } = await storeWithLead(3);
  expect(await mobilesIn(copyAsIfKilled(file))).toEqual([0, 1, 2].map(mobileOf));
  await store.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
  expect(await mobilesIn(file)).toEqual([0, 1, 2].map(mobileOf));
});

test('refuses a store that was not closed and has no log, until it is repaired', async () => {
  const { file } = await storeWithLead(3);
  const copy = copyAsIfKilled(file);
  renameSync(`${copy}-wal`, `${copy}-aside`);
  expect(() => openSqliteStore(copy)).toThrow(
    /leads\.db was not closed, and its log .* is missing.*store repair/,
  );
  renameSync(`${copy}-aside`, `${copy}-wal`);
  expect(await mobilesIn(copy)).toEqual([0, 1, 2].map(mobileOf));
  const other = copyAsIfKilled(file);
  rmSync(`${other}-wal`);
  const environment = { DATABASE_URL: `sqlite:${other}` };
  const refused = await run('src/cli.ts', ['type', 'list'], environment);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('run `npm run -s leads -- store repair`'),
  ]);
  const repaired = await run('src/cli.ts', ['store', 'repair'], environment);
  expect(repaired).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^Repaired the store\. Its log was lost: /),
    stderr: '',
  });
  // The operator accepted losing what only the log contained.
  expect(await mobilesIn(other)).toEqual([]);
});

const stillOpen = /leads\.db is in use\. The process that uses it .* may still have the lost log open/;

test.each([
  ['a server uses', () => {}, /leads\.db is in use\. Stop/],
  ['a server uses whose log was removed', (file: string) => rmSync(`${file}-wal`), stillOpen],
  [
    'a server uses whose log and its index were removed',
    (file: string) => {
      rmSync(`${file}-wal`);
      rmSync(`${file}-shm`);
    },
    stillOpen,
  ],
])('refuses to repair a store that %s', async (_case, fault, reason) => {
  const { file, store } = await storeWithLead();
  fault(file);
  const environment = { DATABASE_URL: `sqlite:${file}` };
  // In another process: closing a file here would release SQLite's locks.
  const content = () => execFileSync('sha256sum', [file], { encoding: 'utf8' });
  const before = content();
  const refused = await run('src/cli.ts', ['store', 'repair'], environment);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(reason)]);
  expect(content()).toBe(before);
  await store.close();
  expect(await run('src/cli.ts', ['store', 'repair'], environment)).toMatchObject({ code: 0 });
});

test('refuses a store whose log was truncated while in use, until it is repaired', async () => {
  const { file, store, add } = await storeWithLead(3);
  truncateSync(`${file}-wal`);
  // The readiness check of an idle server writes too.
  await expect(store.checkReady()).rejects.toThrow(/leads\.db-wal was removed or replaced/);
  await expect(add(3)).rejects.toThrow(StoreUnavailable);
  const copy = copyAsIfKilled(file);
  expect(() => openSqliteStore(copy)).toThrow(
    /leads\.db was not closed, and its log .* has lost its beginning.*restore a backup.*store repair/,
  );
  expect(await run('src/cli.ts', ['store', 'repair'], { DATABASE_URL: `sqlite:${copy}` })).toMatchObject({
    code: 0,
  });
  expect(await mobilesIn(copy)).toEqual([]);
});

test('a command that only reads marks the store as closed if it closes it last', async () => {
  const { file } = await storeWithLead(2);
  const copy = copyAsIfKilled(file);
  const reader = openSqliteStore(copy);
  await leadsIn(reader);
  await reader.close();
  expect(existsSync(`${copy}-wal`)).toBe(false);
  expect(await mobilesIn(copy)).toEqual([0, 1].map(mobileOf));
});

test('a command that only reads writes nothing', async () => {
  const { file, store } = await storeWithLead();
  await store.close();
  const bytes = () => execFileSync('cat', [file], { maxBuffer: 2 ** 28 });
  const before = bytes();
  const reader = openSqliteStore(file);
  expect(await leadsIn(reader)).toHaveLength(1);
  await reader.close();
  expect(bytes().equals(before)).toBe(true);
});

test('marks the store as closed if two processes close it together', async () => {
  const { file, store } = await storeWithLead(2);
  const other = openSqliteStore(file);
  await other.addType('home', null);
  await Promise.all([store.close(), other.close()]);
  expect(await mobilesIn(file)).toEqual([0, 1].map(mobileOf));
});

test('the CLI reports a refused store in one sentence', async () => {
  const { file } = await storeWithLead();
  const copy = copyAsIfKilled(file);
  rmSync(`${copy}-wal`);
  const { code, stderr } = await run('src/cli.ts', ['type', 'list'], { DATABASE_URL: `sqlite:${copy}` });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^The command failed: the store in DATABASE_URL cannot be opened\. \S+ was not closed, .* accepts the file as it is, and holds the scheduled leads\.\n$/,
  );
});

test('refuses to create a store next to a log', async () => {
  const { file } = await storeWithLead();
  const copy = copyAsIfKilled(file);
  rmSync(copy);
  expect(() => openSqliteStore(copy)).toThrow(/leads\.db is missing, but its log .* exists/);
  writeFileSync(copy, '');
  expect(() => openSqliteStore(copy)).toThrow(/leads\.db is missing, but its log .* exists/);
});

test('refuses a restored backup until the old log is moved away', async () => {
  const { file, store, add } = await storeWithLead();
  const backup = await backedUp(store);
  await add(1);
  const restored = copyAsIfKilled(file);
  copyFileSync(backup, restored);
  expect(() => openSqliteStore(restored)).toThrow(/leads\.db-wal is not the log of .*leads\.db.*move/);
  rmSync(`${restored}-wal`);
  expect(await mobilesIn(restored)).toEqual([mobileOf(0)]);
});

test('opens a store whose start was killed before a checkpoint', async () => {
  const { file, store } = await storeWithLead();
  await store.close();
  // The reader keeps the mark, and everything after it, in the log.
  const reader = new DatabaseSync(file);
  onTestFinished(() => reader.close());
  reader.exec('BEGIN; SELECT * FROM lead');
  reader.prepare('SELECT * FROM lead').all();
  const again = closeAfterTest(openSqliteStore(file));
  await again.addType('home', null);
  const copy = copyAsIfKilled(file);
  const types = openSqliteStore(copy);
  expect((await Array.fromAsync(types.types())).map(({ name }) => name)).toEqual(['home', 'motor']);
  await types.close();
});

test('refuses a backup that is restored again next to the log of its first restoration', async () => {
  const { store } = await storeWithLead();
  const backup = await backedUp(store);
  const file = join(temporaryDirectory(), 'leads.db');
  copyFileSync(backup, file);
  const again = closeAfterTest(openSqliteStore(file));
  // Until the log has been reset and no longer continues the backup.
  for (let index = 1; index < 20 || (logResets(file) === 0 && index < 20_000); index += 1) {
    const lead = { partnerId: 1, type: 'motor', mobile: mobileOf(index), delays: 0, content: '{}' };
    await again.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
  }
  const restored = copyAsIfKilled(file);
  expect((await mobilesIn(copyAsIfKilled(file))).length).toBeGreaterThan(10);
  copyFileSync(backup, restored);
  expect(() => openSqliteStore(restored)).toThrow(/leads\.db-wal is not the log of/);
});

test.each([
  ['marks the store as in use', markedInUse],
  ['marks the store as closed', markedClosed],
  ['changes the lineage', withNewLineage],
])('opens a store whose process was killed as it %s, before a checkpoint', async (_when, change) => {
  const { file, store } = await storeWithLead();
  const copy = change === markedInUse ? file : copyAsIfKilled(file);
  if (change === markedInUse) await store.close();
  const database = new DatabaseSync(copy);
  onTestFinished(() => database.close());
  // The log contains only what is written from now on.
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  if (change === withNewLineage) database.exec(`PRAGMA user_version = ${markedInUse(versionOf(database))}`);
  database.exec(`PRAGMA user_version = ${change(versionOf(database))}`);
  expect(await mobilesIn(copyAsIfKilled(copy))).toEqual([mobileOf(0)]);
});

test('keeps what another program wrote to the log of a closed store', async () => {
  const { file, store } = await storeWithLead();
  await store.close();
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec("UPDATE lead SET mobile = '+447840000009'");
  expect(await mobilesIn(copyAsIfKilled(file))).toEqual([mobileOf(9)]);
  expect(await mobilesIn(file)).toEqual([mobileOf(9)]);
});

/** Changes a key's digest in the index only, as a damaged page would. */
function damageIndex(file: string, digest: string): void {
  const database = new DatabaseSync(file);
  const root = database
    .prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_api_key_2'")
    .get();
  const pageSize = 4096;
  database.close();
  const at = (Number(root?.['rootpage']) - 1) * pageSize;
  const bytes = execFileSync('cat', [file], { maxBuffer: 2 ** 28 });
  const found = bytes.indexOf(digest, at);
  expect(found).toBeLessThan(at + pageSize);
  bytes.write('damaged', found);
  writeFileSync(file, bytes);
}

test('rebuilds an index that does not match its table at the start, so that valid keys are found', async () => {
  const { file, store } = await storeWithLead();
  await store.addKey('first', 'key', 'the-digest-of-a-key');
  await store.close();
  damageIndex(file, 'the-digest-of-a-key');
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => void warned.mockRestore());
  const again = closeAfterTest(openSqliteStore(file));
  expect(await again.keyHolder('the-digest-of-a-key')).toMatchObject({ keyId: 'key' });
  expect(warned.mock.calls.flat().join()).toMatch(/An index of .*leads\.db was damaged and has been rebuilt/);
});

test('refuses a damaged table, with the file’s path and the remedy', async () => {
  const { file, store } = await storeWithLead(20);
  await store.close();
  const bytes = execFileSync('cat', [file], { maxBuffer: 2 ** 28 });
  bytes.fill(0xff, 4096 * 2, 4096 * 12);
  writeFileSync(file, bytes);
  expect(() => openSqliteStore(file)).toThrow(/leads\.db is damaged.*restore a backup/i);
});
