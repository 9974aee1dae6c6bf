import { explainError } from '../errors.ts';
import { openDatabase } from './database.ts';
import { inspectFiles } from './inspection.ts';
import { rebuildIndexes } from './integrity.ts';
import { closeStore } from './lifecycle.ts';

/**
 * Accepts a store whose log is lost, and rebuilds every index. Nothing else may use the store meanwhile.
 *
 * @param path of the database file
 * @throws if the tables themselves are damaged
 */
export function repairSqliteStore(path: string): void {
  try {
    inspectFiles(path, 'without its log');
    const database = openDatabase(path);
    const fault = rebuildIndexes(database);
    closeStore(database, path);
    if (fault === undefined) return;
    throw new Error(`${path} is damaged (${fault}) and cannot be repaired. Restore a backup.`);
  } catch (error) {
    throw explainError(error, path);
  }
}
