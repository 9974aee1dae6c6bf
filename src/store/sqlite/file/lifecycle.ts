import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../errors.ts';
import { existingFile } from './database.ts';
import { isInUse, markedClosed, markedInUse, type Version, versionOf, withNewLineage } from './version.ts';

/** Maximum time that a process closing the store waits for another one that is closing it too (ms). */
const closeTimeout = 1_000;

/**
 * Marks the store as in use, in the database file itself, so that a log that is missing later is noticed. Does nothing
 * if the store is already marked. If a reader delays the mark, the next checkpoint moves it to the file: until then, a
 * log that is lost after a crash is not noticed.
 *
 * @throws if another connection holds the lock
 */
export function markInUse(database: DatabaseSync): void {
  if (isInUse(changeVersion(database, markedInUse))) return;
  changeVersion(database, withNewLineage);
  // Moves the mark to the file, and syncs it, before anything else is committed. Waiting would block requests.
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
}

/** Changes the version in a transaction. Returns the previous version. */
function changeVersion(database: DatabaseSync, change: (version: Version) => Version): Version {
  database.exec('BEGIN IMMEDIATE');
  const version = versionOf(database);
  const changed = change(version);
  if (changed !== version) database.exec(`PRAGMA user_version = ${changed}`);
  database.exec('COMMIT');
  return version;
}

/**
 * Closes a connection to the store. The last connection marks the store as closed: SQLite then moves the log's content
 * to the file and removes the log.
 *
 * @param path of the database file
 */
export function closeStore(database: DatabaseSync, path: string): void {
  const isLast = markClosedIfLast(database);
  database.close();
  // If two connections close at once, neither is the last when it checks, but one of them removes the log.
  if (!isLast && !existsSync(`${path}-wal`)) markClosedLater(path);
}

/**
 * Closes a connection whose files were replaced. SQLite removes the log by its path, and the log at that path may
 * belong to another store by now; this function preserves it.
 */
export function closeReplacedStore(database: DatabaseSync, path: string): void {
  const restore = [`${path}-wal`, `${path}-shm`].map(preserve);
  database.close();
  for (const each of restore) each();
}

/** Links a file to a second name. Returns a function that restores the first name if the file has lost it. */
function preserve(name: string): () => void {
  const second = `${name}.${process.pid}`;
  try {
    linkSync(name, second);
  } catch {
    // The file does not exist, or the file system does not support hard links.
    return () => {};
  }
  return () => (existsSync(name) ? rmSync(second) : renameSync(second, name));
}

/**
 * Marks the store as closed if no other connection has it open; no other can then open it until `database` is closed.
 * Returns false if another connection has it open.
 */
function markClosedIfLast(database: DatabaseSync): boolean {
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
  } catch (error) {
    // Busy: another connection has the store open. After any other error, the store cannot be marked at all.
    return !isBusy(error);
  }
  markClosed(database);
  return true;
}

function markClosedLater(path: string): void {
  try {
    const database = new DatabaseSync(existingFile(path), { timeout: closeTimeout });
    try {
      database.exec('BEGIN IMMEDIATE');
      markClosed(database);
    } finally {
      database.close();
    }
  } catch {
    // Another process has opened the store again. It marks the store as closed when it closes it.
  }
}

/** Ends the open transaction. A store that cannot be written remains unchanged. */
function markClosed(database: DatabaseSync): void {
  try {
    const version = versionOf(database);
    if (isInUse(version)) database.exec(`PRAGMA user_version = ${markedClosed(version)}`);
    database.exec('COMMIT');
  } catch {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}
