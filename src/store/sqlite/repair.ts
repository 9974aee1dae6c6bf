import type { DatabaseSync } from 'node:sqlite';
import type { Actor } from '../audit.ts';
import { type HeldCount, markRepaired } from '../held-leads.ts';
import { PersonDigests } from '../keys/person-digests.ts';
import { AuditedDatabase } from '../sql/audited-database.ts';
import { sharedStore } from '../sql/shared-store.ts';
import { localWithdrawalEvents } from '../sql/withdrawals/events.ts';
import { CommitQueue, defaultLimits } from './durability/commit-queue.ts';
import { inMemoryDurability } from './durability/durability.ts';
import { explainError } from './errors.ts';
import { repairFile } from './file/repair.ts';
import { sqliteSqlDatabase } from './sql-database.ts';

/**
 * Rebuilds every index of a store. If its log is lost, also pauses the delivery of all lead types and holds the
 * scheduled leads: they may have been delivered or cancelled in the log.
 *
 * @param path of the database file
 * @param repairedAt milliseconds since 1970
 * @param actor who repairs it, for the audit log
 * @returns how many leads are held; undefined: the log is not lost
 * @throws if another process uses the store, or the tables themselves are damaged
 */
export async function repairSqliteStore(
  path: string,
  repairedAt: number,
  actor: Actor,
): Promise<HeldCount | undefined> {
  try {
    return await repairFile(path, (database) => holdLeads(database, repairedAt, actor));
  } catch (error) {
    throw explainError(error, path);
  }
}

function holdLeads(database: DatabaseSync, repairedAt: number, actor: Actor): Promise<HeldCount> {
  // The file is locked and has no log: each commit syncs the file itself.
  const queue = new CommitQueue(database, inMemoryDurability(database), defaultLimits);
  const store = sharedStore(
    new AuditedDatabase(sqliteSqlDatabase(database, queue)),
    new PersonDigests(),
    localWithdrawalEvents(),
  );
  store.actAs(actor);
  return markRepaired(store, repairedAt);
}
