import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../errors.ts';
import { openDatabase, stopWaitingForLocks } from './database.ts';
import { isLogLost } from './inspection.ts';
import { rebuildIndexes } from './integrity.ts';
import { closeStore } from './lifecycle.ts';
import { migrate } from './migrate.ts';

/**
 * Rebuilds every index of a store. If its log is lost, also migrates the store and calls `onLogLost`. Until that has
 * succeeded, the store is refused: its file may contain the state before a cancellation or a delivery.
 *
 * @param path of the database file
 * @param onLogLost changes the store, which is locked; it must not close it
 * @returns what `onLogLost` returned; undefined: the log is not lost
 * @throws if another process uses the store, or the tables themselves are damaged
 */
export async function repairFile<Result>(
  path: string,
  onLogLost: (database: DatabaseSync) => Promise<Result>,
): Promise<Result | undefined> {
  const isLost = isLogLost(path);
  const database = openDatabase(path, false);
  let isRepaired = false;
  try {
    excludeOthers(database, path, isLost);
    const fault = rebuildIndexes(database);
    if (fault !== undefined) {
      throw new Error(`${path} is damaged (${fault}) and cannot be repaired. Restore a backup.`);
    }
    if (isLost) migrate(database);
    const result = isLost ? await onLogLost(database) : undefined;
    isRepaired = true;
    return result;
  } finally {
    // A store that was not closed and has no log is refused until a repair succeeds.
    if (isLost && !isRepaired) database.close();
    else closeStore(database, path);
  }
}

/**
 * Prevents every other connection until the database is closed. A process whose log was removed still has the file
 * open: leaving WAL mode needs the lock of the file itself, while the lock of a log would not be that of the other
 * process. It also leaves no log behind if this process is killed; the next process that opens the store returns to WAL
 * mode.
 */
function excludeOthers(database: DatabaseSync, path: string, isLost: boolean): void {
  stopWaitingForLocks(database);
  try {
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT',
    );
  } catch (error) {
    if (!isBusy(error)) throw error;
    throw new Error(
      isLost
        ? `${path} is in use. The process that uses it (\`fuser ${path}\` lists it) may still have the lost log open, so do not stop it yet: continue as docs/operating/sqlite.md describes under Deleted files.`
        : `${path} is in use. Stop every process that uses it (\`fuser ${path}\` lists them), then repair it.`,
    );
  }
}
