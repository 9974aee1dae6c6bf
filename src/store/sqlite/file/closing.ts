import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../fault.ts';
import { existingFile } from './database.ts';
import { closed, inUse, isInUse, ofNewLineage, type Version } from './version.ts';

/** How long a process that closes the store waits for another that does the same, in milliseconds. */
const patience = 1_000;

export function versionOf(database: DatabaseSync): Version {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/**
 * Marks the store as in use, in the file itself, so that a log that is missing later is noticed. Does nothing where the
 * store is marked already.
 *
 * @throws where another connection holds the lock
 */
export function markInUse(database: DatabaseSync): void {
  if (isInUse(change(database, inUse))) return;
  change(database, ofNewLineage);
  // Carried over to the file, and synced, before anything else is committed.
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
}

/** LeadNotifications the version in a transaction, and returns what it was before. */
function change(database: DatabaseSync, to: (version: Version) => Version): Version {
  database.exec('BEGIN IMMEDIATE');
  const version = versionOf(database);
  const next = to(version);
  if (next !== version) database.exec(`PRAGMA user_version = ${next}`);
  database.exec('COMMIT');
  return version;
}

/**
 * Closes a connection to the store. The last one to be closed marks the store as closed: its log is in the file then, and
 * SQLite removes it.
 *
 * @param path of the database file
 */
export function closeStore(database: DatabaseSync, path: string): void {
  const isAlone = markedWhenAlone(database);
  database.close();
  // Of two that close at once neither was alone, and one of them has removed the log.
  if (!isAlone && !existsSync(`${path}-wal`)) markAfterwards(path);
}

/**
 * Closes a connection whose files were replaced. SQLite removes the log by its name, and the log of that name may be
 * another store's by now, which keeps it.
 */
export function closeReplaced(database: DatabaseSync, path: string): void {
  const giveBack = [`${path}-wal`, `${path}-shm`].map(secondName);
  database.close();
  for (const each of giveBack) each();
}

/** Gives a file a second name; the function that is returned gives it back its first, if it has lost that. */
function secondName(name: string): () => void {
  const second = `${name}.${process.pid}`;
  try {
    linkSync(name, second);
  } catch {
    // It is not there, or the file system has no second names.
    return () => {};
  }
  return () => (existsSync(name) ? rmSync(second) : renameSync(second, name));
}

/** Marks the store as closed if no other connection has it open; nobody else can open it until `database` is closed. */
function markedWhenAlone(database: DatabaseSync): boolean {
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
  } catch (error) {
    return !isBusy(error);
  }
  markClosed(database);
  return true;
}

function markAfterwards(path: string): void {
  try {
    const database = new DatabaseSync(existingFile(path), { timeout: patience });
    try {
      database.exec('BEGIN IMMEDIATE');
      markClosed(database);
    } finally {
      database.close();
    }
  } catch {
    // Somebody has the store open again, and marks it when it is closed.
  }
}

/** Ends the transaction that was begun. A store that cannot be written stays as it was. */
function markClosed(database: DatabaseSync): void {
  try {
    const version = versionOf(database);
    if (isInUse(version)) database.exec(`PRAGMA user_version = ${closed(version)}`);
    database.exec('COMMIT');
  } catch {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}
