import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PersonDigests } from '../keys/person-digests.ts';
import { requireMigrated, type Schema } from '../migrations.ts';
import { type StoreObserver, unobserved } from '../observer.ts';
import { AuditedDatabase } from '../sql/audited-database.ts';
import { contactedPeople } from '../sql/contacted-people.ts';
import { completedChange } from '../sql/database.ts';
import { operatorActions } from '../sql/operator-actions.ts';
import { people } from '../sql/people/people.ts';
import { sharedStore } from '../sql/shared-store.ts';
import { watch } from '../sql/watch.ts';
import { localWithdrawalEvents } from '../sql/withdrawals/events.ts';
import { lateAttemptRecorder } from '../sql/withdrawals/late-attempt.ts';
import { type Store, servingTime } from '../store.ts';
import { sqliteDelivery } from './delivery/delivery.ts';
import { CommitQueue, type CommitQueueLimits, defaultLimits } from './durability/commit-queue.ts';
import { type Durability, inMemoryDurability } from './durability/durability.ts';
import { WriteAheadLog } from './durability/write-ahead-log.ts';
import { sqliteErasure } from './erasure.ts';
import { explainError } from './errors.ts';
import { openDatabase, stopWaitingForLocks } from './file/database.ts';
import { inspectFiles } from './file/inspection.ts';
import { checkIntegrity, findFaultInKeys } from './file/integrity.ts';
import { closeStore } from './file/lifecycle.ts';
import { currentMigration, latestMigration, migrate } from './file/migrate.ts';
import { warnIfReadableByOthers } from './file/permissions.ts';
import { sqliteDecide } from './intake/decide.ts';
import { grantedTypeLookup } from './intake/granted-types.ts';
import { sqliteIntake } from './intake/intake.ts';
import { sqliteMaintenance } from './maintenance.ts';
import { Query } from './query.ts';
import { sqliteSqlDatabase } from './sql-database.ts';
import { sqliteTableWriter } from './tables.ts';

/**
 * Opens the store in an SQLite file. Several processes of one machine can have it open
 * (a server and `leads` commands): each statement sees what the others have committed before.
 *
 * @param file path, or `:memory:`
 * @throws if the file cannot be used, with a message that states the remedy
 */
export function openSqliteStore(
  file: string,
  limits: CommitQueueLimits = defaultLimits,
  observer: StoreObserver = unobserved,
  schema: Schema = 'prepare',
): Store {
  const path = file === ':memory:' ? file : resolve(file);
  const { database, durability } = openMigrated(path, observer, schema);
  const queue = new CommitQueue(database, durability, limits, observer);
  const sql = new AuditedDatabase(sqliteSqlDatabase(database, queue));
  const withdrawalEvents = localWithdrawalEvents();
  const grantedType = grantedTypeLookup(database, queue);
  const digests = new PersonDigests();
  const decide = sqliteDecide(database, queue, grantedType, digests);
  const recentCheck = new Query(database, 'SELECT 1 FROM readiness WHERE checked_at > ?');
  let isClosed = false;

  return {
    ...sqliteIntake(database, queue, grantedType, decide, withdrawalEvents),
    ...sqliteDelivery(database, queue, lateAttemptRecorder(sql, withdrawalEvents)),
    ...sharedStore(sql, digests, withdrawalEvents),
    ...operatorActions(sql, {
      decide: (submission) => completedChange(decide(submission)),
      onWithdrawal: () => withdrawalEvents.emit(),
    }),
    ...people(sql, digests),
    ...contactedPeople(sql, digests),
    ...sqliteMaintenance(database, queue),
    ...sqliteErasure(database, queue, durability, database.location() ?? undefined),
    ...sqliteTableWriter(database, queue),
    ...watch(sql, { waiting: () => queue.waiting }),

    checkReady: readinessCheck(database, queue, durability, path),
    isServing: async () => recentCheck.first(Date.now() - servingTime) !== undefined,
    clockSkew: () => 0,

    async close() {
      await queue.idle();
      if (isClosed) return;
      isClosed = true;
      await durability.close();
    },
  };
}

/** Prepares `Store.checkReady`: commits a row, and checks that keys can be found. */
function readinessCheck(
  database: DatabaseSync,
  queue: CommitQueue,
  durability: Durability,
  path: string,
): () => Promise<void> {
  const insertCheck = new Query(
    database,
    `INSERT INTO readiness (id, checked_at) VALUES (1, ?)
     ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at`,
  );
  return async () => {
    durability.start();
    await queue.write(() => insertCheck.run(Date.now()));
    const fault = findFaultInKeys(database);
    if (fault === undefined) return;
    throw new Error(
      `${path} is damaged, so valid keys may be rejected (${fault}). Restart the server, which rebuilds damaged indexes.`,
    );
  };
}

function openMigrated(
  path: string,
  observer: StoreObserver,
  schema: Schema,
): { database: DatabaseSync; durability: Durability } {
  try {
    if (path !== ':memory:') inspectFiles(path);
    const mayCreate = schema === 'prepare' || (schema === 'migrate' && path === ':memory:');
    const database = openDatabase(path, mayCreate);
    try {
      const current = currentMigration(database);
      if (schema === 'require' || (current === 0 && !mayCreate)) {
        requireMigrated(path, current, latestMigration);
      }
      if (schema !== 'require') migrate(database);
      checkIntegrity(database, path);
      stopWaitingForLocks(database);
      const isInMemory = database.location() === null;
      const durability = isInMemory
        ? inMemoryDurability(database)
        : new WriteAheadLog(database, observer, path);
      warnIfReadableByOthers(path);
      return { database, durability };
    } catch (error) {
      closeStore(database, path);
      throw error;
    }
  } catch (error) {
    throw explainError(error, path);
  }
}
