import type { DatabaseSync } from 'node:sqlite';
import { explainError, isBusy } from '../errors.ts';
import { openDatabase, stopWaitingForLocks } from './database.ts';
import { inspectFiles } from './inspection.ts';
import { rebuildIndexes } from './integrity.ts';
import { closeStore } from './lifecycle.ts';

/**
 * Accepts a store whose log is lost, and rebuilds every index.
 *
 * @param path of the database file
 * @throws if another process uses the store, or the tables themselves are damaged
 */
export function repairSqliteStore(path: string): void {
  try {
    inspectFiles(path, 'without its log');
    const database = openDatabase(path);
    const fault = repairAlone(database, path);
    if (fault === undefined) return;
    throw new Error(`${path} is damaged (${fault}) and cannot be repaired. Restore a backup.`);
  } catch (error) {
    throw explainError(error, path);
  }
}

/** Rebuilds the indexes and closes the database. Returns what is damaged beyond repair; undefined: nothing. */
function repairAlone(database: DatabaseSync, path: string): string | undefined {
  try {
    excludeOthers(database, path);
    return rebuildIndexes(database);
  } finally {
    closeStore(database, path);
  }
}

/**
 * Prevents every other connection until the database is closed. A process whose log was removed still has the file
 * open: leaving WAL mode needs the lock of the file itself, while the lock of a log would not be that of the other
 * process.
 */
function excludeOthers(database: DatabaseSync, path: string): void {
  stopWaitingForLocks(database);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL');
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Error(
      `${path} is in use. Stop every process that uses it (\`fuser ${path}\` lists them), then repair it.`,
    );
  }
}
