import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { MissingStore, missingFile } from '../../migrations.ts';
import { createPrivate } from './permissions.ts';
import { isSameFile } from './same-file.ts';
import { syncFile } from './sync-file.ts';
import { applicationId, prereleaseApplicationId } from './version.ts';

/** Maximum time that a start waits for another process that migrates the same file (ms). */
const startTimeout = 10_000;

/**
 * Size of the log at which SQLite runs a checkpoint within a commit, if no other checkpoint succeeded (pages; 1 GiB).
 */
const maxLogPages = 262_144;

/** Size to which a larger log is truncated when it is reset (bytes). */
const logSizeLimit = 64 * 2 ** 20;

/** Size of SQLite's page cache (KiB): enough for the inner pages of the indexes of ten million leads. */
const pageCacheSize = 8_192;

/**
 * Opens the database file, or creates it, in WAL mode. With `synchronous=NORMAL` SQLite syncs the log only as far as
 * the file's integrity requires; `WriteAheadLog` makes commits durable. On macOS, `fullfsync` flushes the drive's cache
 * too.
 *
 * @param path file, or `:memory:`
 * @param mayCreate whether a missing or empty file becomes a new store
 * @throws {MissingStore} if there is no store, and none may be created
 * @throws if another program, or a version before 1.0.0, wrote the file
 */
export function openDatabase(path: string, mayCreate = true): DatabaseSync {
  const database = openOwn(path, mayCreate);
  try {
    database.exec(`
      PRAGMA secure_delete = ON;
      PRAGMA journal_mode = WAL;
      PRAGMA journal_size_limit = ${logSizeLimit};
      PRAGMA fullfsync = ON;
      PRAGMA cache_size = -${pageCacheSize};
      PRAGMA wal_autocheckpoint = ${maxLogPages};
    `);
    durableCheckpoints(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/**
 * Opens a database of this program. A restore locks the file and then replaces it: this connection, which has waited
 * for the lock of the old file, must not use the log of the new one, so the new file is opened.
 */
function openOwn(path: string, mayCreate: boolean): DatabaseSync {
  const isFile = path !== ':memory:';
  for (;;) {
    if (isFile && !mayCreate) requireFile(path);
    else if (isFile) {
      createDirectory(dirname(resolve(path)));
      createPrivate(path);
    }
    const opened = isFile ? statSync(path) : undefined;
    const isReplaced = () => opened !== undefined && !isSameFile(opened, statSync(path));
    const database = new DatabaseSync(path, { timeout: startTimeout });
    try {
      checkOrMarkOwner(database, path, mayCreate);
      if (!isReplaced()) return database;
    } catch (error) {
      if (!isReplaced()) {
        database.close();
        throw error;
      }
      // SQLite does not write to a file that was moved away.
    }
    database.close();
  }
}

function requireFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) throw missingFile(path);
}

/** Returns the URL of a database file that must exist. With a plain path SQLite would create a missing file. */
export function existingFile(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set('mode', 'rw');
  return url;
}

/** Makes SQLite sync the log before its pages go to the database file, and the file before the log is overwritten. */
export function durableCheckpoints(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA checkpoint_fullfsync = ON');
}

/** Makes statements wait for locks of other processes, as they do during the start. */
export function waitForLocks(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = ${startTimeout}`);
}

/**
 * Makes statements fail at once if another process holds a lock: waiting would block every request. `CommitQueue`
 * retries.
 */
export function stopWaitingForLocks(database: DatabaseSync): void {
  database.exec('PRAGMA busy_timeout = 0');
}

/** Creates a directory and syncs its parent, without which a crash could lose the directory. */
export function createDirectory(directory: string): void {
  if (existsSync(directory)) return;
  createDirectory(dirname(directory));
  try {
    // It will contain personal data, so only the owner can read it. Node's `recursive` never returns in /proc.
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it meanwhile.
    if (!existsSync(directory)) throw error;
  }
  if (process.platform === 'win32') return;
  syncFile(dirname(directory));
}

/** Checks that a file is one of this program, and marks an empty one as such if it may become a store. */
function checkOrMarkOwner(database: DatabaseSync, path: string, mayCreate: boolean): void {
  const id = database.prepare('PRAGMA application_id').get()?.['application_id'];
  if (id === applicationId) return;
  if (id === prereleaseApplicationId) {
    throw new Error(
      `${path} was written by a version before 1.0.0, which this version cannot read. Set DATABASE_URL to a new file, or start the version that wrote it.`,
    );
  }
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (tables !== 0) {
    throw new Error(`${path} is a database of another program. Set DATABASE_URL to another file.`);
  }
  if (!mayCreate) throw new MissingStore(`The file ${path} is empty.`);
  // `auto_vacuum` must be set before the first table is created; later only VACUUM applies it.
  database.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = ${applicationId}`);
}
