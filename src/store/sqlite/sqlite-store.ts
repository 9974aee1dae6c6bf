import { type StoreObserver, unobserved } from '../observer.ts';
import type { Store } from '../store.ts';
import { sqliteArchive } from './archive.ts';
import { CommitQueue, type CommitQueueLimits, defaultLimits } from './commit-queue.ts';
import { openDatabase, stopWaitingForLocks } from './database.ts';
import { sqliteDeliveryPauses } from './delivery-pause.ts';
import { sqliteHandOff } from './hand-off.ts';
import { grantedTypes, sqliteIntake, sqliteTake } from './intake.ts';
import { currentMigration, latestMigration, migrate } from './migrate.ts';
import { sqliteRecords } from './records.ts';
import { sqliteRegistry } from './registry.ts';
import { sqliteUpkeep } from './upkeep.ts';
import { sqliteWatch } from './watch.ts';
import { nothingLasts, WriteAheadLog } from './write-ahead-log.ts';

/**
 * The store in an SQLite file, for one machine. Several processes may have it open at once (a server
 * and the operator's commands): each sees what the others have committed from its next statement on.
 *
 * @param path a file, which is made where there is none, or `:memory:`
 */
export function openSqliteStore(
  path: string,
  limits: CommitQueueLimits = defaultLimits,
  observer: StoreObserver = unobserved,
): Store {
  const database = openDatabase(path);
  try {
    migrate(database);
    stopWaitingForLocks(database);
  } catch (error) {
    database.close();
    throw error;
  }
  const isInMemory = database.location() === null;
  const durability = isInMemory ? nothingLasts : new WriteAheadLog(database, observer);
  const queue = new CommitQueue(database, durability, limits, observer);
  let isClosed = false;
  const grantedType = grantedTypes(database, queue);
  const take = sqliteTake(database, grantedType);

  return {
    ...sqliteIntake(database, queue, grantedType, take),
    ...sqliteHandOff(database, queue),
    ...sqliteDeliveryPauses(database, queue),
    ...sqliteRegistry(database, queue),
    ...sqliteRecords(database, queue, take),
    ...sqliteUpkeep(database, queue),
    ...sqliteArchive(database, queue),
    ...sqliteWatch(database, queue),

    async checkReady() {
      const current = currentMigration(database);
      if (current === latestMigration) return;
      throw new Error(`The store has migration ${current}, and this server needs ${latestMigration}.`);
    },

    async close() {
      await queue.idle();
      if (isClosed) return;
      isClosed = true;
      await durability.close();
      database.close();
    },
  };
}
