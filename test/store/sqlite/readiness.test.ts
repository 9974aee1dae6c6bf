/** A store is ready if a write is committed and synced; otherwise the error states the remedy. */
import fs, { chmodSync, chownSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { defaultLimits } from '../../../src/store/sqlite/durability/commit-queue.ts';
import { explainError } from '../../../src/store/sqlite/errors.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { finished, run, spawnProgram } from '../../harness/process.ts';
import { holdWriteLock, temporaryDirectory } from '../../harness/server.ts';
import { closeAfterTest } from '../stores.ts';

const heldLock = (file: string) =>
  `Another process holds the lock of ${file} and does not release it. Find it with \`fuser ${file}\` and end it. (database is locked)`;

function newStore(lockTimeout = defaultLimits.lockTimeout) {
  const file = join(temporaryDirectory(), 'leads.db');
  return { file, store: closeAfterTest(openSqliteStore(file, { ...defaultLimits, lockTimeout })) };
}

/** Returns when the store was last checked, as seen by another connection; undefined: never. */
function checkedAt(file: string): unknown {
  const reader = new DatabaseSync(file, { readOnly: true });
  const row = reader.prepare('SELECT checked_at FROM readiness').get();
  reader.close();
  return row?.['checked_at'];
}

test('a check commits and syncs a row', async () => {
  const { file, store } = newStore();
  const synced = vi.spyOn(fs, 'fdatasync');
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  const before = Date.now();
  await store.checkReady();
  expect(synced).toHaveBeenCalled();
  expect(checkedAt(file)).toBeGreaterThanOrEqual(before);
  synced.mockImplementationOnce((_file, end) => end(new Error('EIO')));
  await expect(store.checkReady()).rejects.toThrow('leads.db-wal failed');
  await store.checkReady();
});

test.each([
  ['a check', (store: Store) => store.checkReady()],
  ['any other write', (store: Store) => store.addType('home', null)],
])('%s reports a lock that another process holds, with the path', async (_what, write) => {
  const { file, store } = newStore(20);
  const lock = holdWriteLock(file);
  await expect(write(store)).rejects.toMatchObject({ message: heldLock(file) });
  lock.release();
  await write(store);
});

test('a compaction reports a lock that another process holds, with the path', async () => {
  const { file, store } = newStore();
  // The compaction does not wait for the lock.
  const { exec } = DatabaseSync.prototype;
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function run(this: DatabaseSync, sql) {
    if (!sql.includes('busy_timeout')) exec.call(this, sql);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const lock = holdWriteLock(file);
  await expect(store.compact()).rejects.toMatchObject({ message: heldLock(file) });
  lock.release();
  await store.compact();
});

test.runIf(process.platform === 'linux')(
  'reports a directory that cannot be created, with the remedy',
  async () => {
    const environment = { DATABASE_URL: 'sqlite:/proc/leads/leads.db' };
    expect(await run('src/cli.ts', ['store', 'create'], environment)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^The command failed: the store in DATABASE_URL cannot be opened\. The directory \/proc\/leads does not exist, and the user \S+ cannot create it\..*DATABASE_URL/,
      ),
    });
  },
);

test.each([
  [{ errcode: 13 }, /The disk that holds \/d\/leads\.db is full.*Free space/],
  [{ errcode: 4874 }, /The disk that holds \/d\/leads\.db is full/],
  [{ errcode: 8 }, /may not read and write \/d\/leads\.db\. Check that DATABASE_URL/],
  [{ errcode: 778 }, /The disk failed to read or write \/d\/leads\.db.*Check the disk/],
  [{ errcode: 14 }, /\/d\/leads\.db or its log.*cannot be opened.*open enough files/],
  [{ errcode: 11 }, /\/d\/leads\.db is damaged.*store repair/],
  [{ code: 'EROFS' }, /The file system of \/d\/leads\.db is mounted read-only.*DATABASE_URL/],
  [{ code: 'EISDIR' }, /\/d\/leads\.db is a directory.*DATABASE_URL to a file in it/],
  [{ code: 'ENOTDIR' }, /\/d is not a directory.*DATABASE_URL/],
  [{ code: 'EACCES' }, /The directory \/d does not exist, and the user \S+ cannot create it.*DATABASE_URL/],
  [{ errcode: 26 }, /\/d\/leads\.db is not an SQLite database.*DATABASE_URL.*restore a backup/],
  [{ code: 'ENOSPC' }, /disk that holds \/d\/leads\.db is full/],
  [{ code: 'EMFILE' }, /open enough files/],
])('explains the error %j', (properties, reason) => {
  const error = Object.assign(new Error('the system’s own message'), properties);
  const { message, cause } = Object(explainError(error, '/d/leads.db'));
  expect(message).toMatch(reason);
  expect(message).toContain('the system’s own message');
  expect(cause).toBe(error);
});

test('returns an error that already states a remedy unchanged', () => {
  const error = new Error('Stop the server.');
  expect(explainError(error, '/d/leads.db')).toBe(error);
});

/** Root ignores permissions, so it runs commands as another user. */
const isRoot = process.getuid?.() === 0;
const unprivileged = 65_534;

/** Runs a command on a store, as a user without rights. Returns its message. */
async function refusalOf(url: string): Promise<string> {
  const user = isRoot ? { uid: unprivileged, gid: unprivileged } : {};
  const words = ['type', 'add', 'home'];
  const child = spawnProgram('src/cli.ts', words, { DATABASE_URL: url }, undefined, user);
  onTestFinished(() => void child.kill('SIGKILL'));
  const { code, stderr } = await finished(child);
  expect(code).toBe(1);
  return stderr;
}

test.each([
  ['cannot be written', 0o444],
  ['cannot be read', 0o000],
])('reports a file that %s by its own user, with the remedy', async (_what, mode) => {
  const { file, store } = newStore();
  await store.close();
  if (isRoot) for (const path of [dirname(file), file]) chownSync(path, unprivileged, unprivileged);
  chmodSync(file, mode);
  expect(await refusalOf(`sqlite:${file}`)).toMatch(
    /^The command failed: the store in DATABASE_URL cannot be opened\. The user \S+ may not read and write (\S+leads\.db)\. It belongs to that user: run `chmod u\+rw \1`\. \(/,
  );
});

describe.skipIf(!isRoot)('a store of another user', () => {
  const daemon = 1;

  /** Creates a store that belongs to another user, alone or with its directory. */
  async function foreignStore(uid: number) {
    const { file, store } = newStore();
    await store.close();
    chownSync(file, uid, uid);
    return { file, directory: dirname(file) };
  }

  test('is left to its owner: the message names the owner, and the command to become it', async () => {
    const { file, directory } = await foreignStore(daemon);
    chmodSync(directory, 0o777);
    expect(await refusalOf(`sqlite:${file}`)).toContain(
      `The user nobody may not read and write ${file}. It belongs to daemon. Run this command as daemon: \`runuser -u daemon -- ...\`. Only if the server runs as another user, make that user the owner of ${directory} and every file in it (\`chown\`).`,
    );
  });

  test('is recognised in a directory that only its owner can enter', async () => {
    const { file, directory } = await foreignStore(daemon);
    chownSync(directory, daemon, daemon);
    chmodSync(directory, 0o700);
    for (const path of [file, join(directory, 'data', 'leads.db')]) {
      expect(await refusalOf(`sqlite:${path}`)).toContain(
        `may not read and write ${directory}. It belongs to daemon. Run this command as daemon:`,
      );
    }
  });

  test('is not a reason to run the server as root', async () => {
    const { file, directory } = await foreignStore(0);
    chmodSync(directory, 0o777);
    expect(await refusalOf(`sqlite:${file}`)).toContain(
      `${file}. It belongs to root. If the server runs as another user, make that user the owner of ${directory}`,
    );
  });
});
