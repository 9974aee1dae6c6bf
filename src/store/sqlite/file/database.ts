import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { createPrivate } from './permissions.ts';
import { applicationId, prereleaseApplicationId } from './version.ts';

/** How long a start waits for another process that is migrating the same file, in milliseconds. */
const startPatience = 10_000;

/** In so large a log, in pages, SQLite makes a checkpoint within a commit, in case that nobody else could. */
const largestLog = 262_144;

/** A log that was larger under load is cut back to this when it begins anew, in bytes. */
const keptLog = 64 * 2 ** 20;

/**
 * How much of the file SQLite holds in memory, in KiB: as much as takes the inner pages of the indexes of ten million
 * leads. With its usual 2 MB a status of one of them took half as long again (`npm run bench:growth`), and with more
 * it takes as long.
 */
const pageCache = 8_192;

/**
 * Opens the database file, or makes it, with a write-ahead log that SQLite syncs only where the file's integrity
 * needs it (`synchronous=NORMAL`; `fullfsync` for macOS, where a plain sync stops at the drive's cache). A commit is
 * made to last by `WriteAheadLog`.
 *
 * @param path a file, or `:memory:`
 */
export function openDatabase(path: string): DatabaseSync {
  if (path !== ':memory:') {
    makeDirectory(dirname(resolve(path)));
    createPrivate(path);
  }
  const database = new DatabaseSync(path, { timeout: startPatience });
  try {
    checkOwner(database, path);
    database.exec(`
      PRAGMA secure_delete = ON;
      PRAGMA journal_mode = WAL;
      PRAGMA journal_size_limit = ${keptLog};
      PRAGMA fullfsync = ON;
      PRAGMA cache_size = -${pageCache};
      PRAGMA wal_autocheckpoint = ${largestLog};
    `);
    durableCheckpoints(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Names a database file that must exist: SQLite makes a new one in the place of one that is missing otherwise. */
export function existingFile(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set('mode', 'rw');
  return url;
}

/** Has the log synced before its pages go to the database file, and the file before the log begins anew. */
export function durableCheckpoints(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA checkpoint_fullfsync = ON');
}

/** Has statements wait for other processes, as they do during the start. */
export function waitForLocks(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = ${startPatience}`);
}

/** After the start no statement may hold up the requests that are under way; `CommitQueue` tries again by itself. */
export function stopWaitingForLocks(database: DatabaseSync): void {
  database.exec('PRAGMA busy_timeout = 0');
}

/** A new directory is on the disk only once the one that holds it is synced. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  // What is in there is about people: nobody else on the machine needs to read it.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return;
  const parent = openSync(dirname(directory), 'r');
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

function checkOwner(database: DatabaseSync, path: string): void {
  const id = database.prepare('PRAGMA application_id').get()?.['application_id'];
  if (id === applicationId) return;
  if (id === prereleaseApplicationId) {
    throw new Error(
      `${path} was written by a version before 1.0.0, which this version cannot read. Set DATABASE_URL to a new file, or start the version that wrote it.`,
    );
  }
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (tables !== 0) {
    throw new Error(`${path} is a database of another program. Give DATABASE_URL a file of its own.`);
  }
  // Once there are tables, only `compact` can change how the file gives room back.
  database.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = ${applicationId}`);
}
