import type { DatabaseSync } from 'node:sqlite';
import { type HeldCount, markRepaired } from '../held-leads.ts';
import { sharedStore } from '../sql/shared-store.ts';
import { CommitQueue, defaultLimits } from './durability/commit-queue.ts';
import { inMemoryDurability } from './durability/durability.ts';
import { explainError } from './errors.ts';
import { repairFile } from './file/repair.ts';
import { sqliteSqlDatabase } from './sql-database.ts';

/**
 * Rebuilds every index of a store. If its log is lost, also pauses the delivery of all lead types and holds the scheduled
 * leads: they may have been delivered or cancelled in the log.
 *
 * @param path of the database file
 * @param repairedAt milliseconds since 1970
 * @returns how many leads are held; undefined: the log is not lost
 * @throws if another process uses the store, or the tables themselves are damaged
 */
export async function repairSqliteStore(path: string, repairedAt: number): Promise<HeldCount | undefined> {
  try {
    return await repairFile(path, (database) => holdLeads(database, repairedAt));
  } catch (error) {
    throw explainError(error, path);
  }
}

function holdLeads(database: DatabaseSync, repairedAt: number): Promise<HeldCount> {
  // The file is locked and has no log: each commit syncs the file itself.
  const queue = new CommitQueue(database, inMemoryDurability(database), defaultLimits);
  return markRepaired(sharedStore(sqliteSqlDatabase(database, queue)), repairedAt);
}
