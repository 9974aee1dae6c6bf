import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type StoreObserver, unobserved } from '../observer.ts';
import { archiveReader } from '../sql/archive.ts';
import { finished } from '../sql/database.ts';
import { deliveryPauses } from '../sql/delivery-pauses.ts';
import { pruning } from '../sql/maintenance.ts';
import { operatorActions } from '../sql/operator-actions.ts';
import { records } from '../sql/records.ts';
import { registry } from '../sql/registry.ts';
import { watch } from '../sql/watch.ts';
import type { Store } from '../store.ts';
import { sqliteArchiveWriter } from './archive.ts';
import { sqliteDelivery } from './delivery.ts';
import { CommitQueue, type CommitQueueLimits, defaultLimits } from './durability/commit-queue.ts';
import { type Durability, inMemoryDurability } from './durability/durability.ts';
import { WriteAheadLog } from './durability/write-ahead-log.ts';
import { sqliteErasure } from './erasure.ts';
import { explained } from './fault.ts';
import { openDatabase, stopWaitingForLocks } from './file/database.ts';
import { inspectFiles } from './file/inspection.ts';
import { checkIntegrity, faultInKeys } from './file/integrity.ts';
import { closeStore } from './file/lifecycle.ts';
import { migrate } from './file/migrate.ts';
import { warnOfOthers } from './file/permissions.ts';
import { grantedTypes } from './granted-types.ts';
import { sqliteIntake, sqliteTake } from './intake.ts';
import { sqliteMaintenance } from './maintenance.ts';
import { Query } from './query.ts';
import { sqliteSqlDatabase } from './sql-database.ts';

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
  const shared = sqliteSqlDatabase(database, queue);
  let isClosed = false;
  const grantedType = grantedTypes(database, queue);
  const take = sqliteTake(database, grantedType);

  return {
    ...sqliteIntake(database, queue, grantedType, take),
    ...sqliteDelivery(database, queue),
    ...deliveryPauses(shared),
    ...registry(shared),
    ...records(shared),
    ...operatorActions(shared, { decide: (submission) => finished(take(submission)) }),
    ...pruning(shared),
    ...sqliteMaintenance(database, queue),
    ...sqliteErasure(database, queue, durability, database.location() ?? undefined),
    ...archiveReader(shared),
    ...sqliteArchiveWriter(database, queue),
    ...watch(shared, { waiting: () => queue.waiting }),

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
      stopWaitingForLocks(database);
      const isInMemory = database.location() === null;
      const durability = isInMemory
        ? inMemoryDurability(database)
        : new WriteAheadLog(database, observer, path);
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
