import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type StoreObserver, unobserved } from '../observer.ts';
import type { Store } from '../store.ts';
import { sqliteArchive } from './archive.ts';
import { closeStore } from './closing.ts';
import { CommitQueue, type CommitQueueLimits, defaultLimits } from './commit-queue.ts';
import { compactOnce } from './compaction.ts';
import { openDatabase, stopWaitingForLocks } from './database.ts';
import { sqliteDecisions } from './decisions.ts';
import { sqliteDeliveryPauses } from './delivery-pause.ts';
import { sqliteErasure } from './erasure.ts';
import { explained } from './fault.ts';
import { grantedTypes } from './granted-types.ts';
import { sqliteHandOff } from './hand-off.ts';
import { inspectFiles } from './inspection.ts';
import { sqliteIntake, sqliteTake } from './intake.ts';
import { checkIntegrity, faultInKeys } from './integrity.ts';
import { migrate } from './migrate.ts';
import { warnOfOthers } from './permissions.ts';
import { Query } from './query.ts';
import { sqliteRecords } from './records.ts';
import { sqliteRegistry } from './registry.ts';
import { sqliteUpkeep } from './upkeep.ts';
import { sqliteWatch } from './watch.ts';
import { type Durability, nothingLasts, WriteAheadLog } from './write-ahead-log.ts';

/**
 * The store in an SQLite file, for one machine. Several processes may have it open at once (a server
 * and the operator's commands): each sees what the others have committed from its next statement on.
 *
 * @param file a path, which is made where there is none, or `:memory:`
 */
export function openSqliteStore(
  file: string,
  limits: CommitQueueLimits = defaultLimits,
  observer: StoreObserver = unobserved,
): Store {
  const path = file === ':memory:' ? file : resolve(file);
  const { database, durability } = openUpToDate(path, observer);
  const queue = new CommitQueue(database, durability, limits, observer);
  const ready = new Query(
    database,
    'INSERT INTO readiness (id, checked_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at',
  );
  let isClosed = false;
  const grantedType = grantedTypes(database, queue);
  const take = sqliteTake(database, grantedType);

  return {
    ...sqliteIntake(database, queue, grantedType, take),
    ...sqliteHandOff(database, queue),
    ...sqliteDeliveryPauses(database, queue),
    ...sqliteRegistry(database, queue),
    ...sqliteRecords(database),
    ...sqliteDecisions(database, queue, take),
    ...sqliteUpkeep(database, queue),
    ...sqliteErasure(database, queue, durability, database.location() ?? undefined),
    ...sqliteArchive(database, queue),
    ...sqliteWatch(database, queue),

    async checkReady() {
      durability.start();
      try {
        await queue.write(() => ready.run(Date.now()));
      } catch (error) {
        throw explained(error, path);
      }
      const fault = faultInKeys(database);
      if (fault === undefined) return;
      throw new Error(
        `${path} is damaged, so that valid keys are not found (${fault}). Start the server again: it rebuilds what it can.`,
      );
    },

    async close() {
      await queue.idle();
      if (isClosed) return;
      isClosed = true;
      await durability.close();
    },
  };
}

function openUpToDate(
  path: string,
  observer: StoreObserver,
): { database: DatabaseSync; durability: Durability } {
  try {
    if (path !== ':memory:') inspectFiles(path);
    const database = openDatabase(path);
    try {
      migrate(database);
      checkIntegrity(database, path);
      compactOnce(database, path);
      stopWaitingForLocks(database);
      const isInMemory = database.location() === null;
      const durability = isInMemory ? nothingLasts(database) : new WriteAheadLog(database, observer, path);
      warnOfOthers(path);
      return { database, durability };
    } catch (error) {
      closeStore(database, path);
      throw error;
    }
  } catch (error) {
    throw explained(error, path);
  }
}
