import type { DatabaseSync } from 'node:sqlite';
import type { Maintenance } from '../maintenance.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { explainError } from './errors.ts';
import { backUp } from './file/backup.ts';
import { compact } from './file/compaction.ts';
import { stopWaitingForLocks, waitForLocks } from './file/database.ts';
import { Query } from './query.ts';

/** Backs up and compacts the store's file. */
export function sqliteMaintenance(
  database: DatabaseSync,
  queue: CommitQueue,
): Pick<Maintenance, 'backup' | 'lastBackupAt' | 'compact'> {
  const insertRun = new Query(
    database,
    `INSERT INTO maintenance_run (name, ended_at) VALUES ('backup', ?)
     ON CONFLICT (name) DO UPDATE SET ended_at = excluded.ended_at`,
  );
  const lastRun = new Query<{ endedAt: number }>(
    database,
    `SELECT ended_at AS endedAt FROM maintenance_run WHERE name = 'backup'`,
  );

  return {
    async backup(file) {
      await backUp(database, file);
      const endedAt = Date.now();
      try {
        await queue.write(() => insertRun.run(endedAt));
        return undefined;
      } catch (error) {
        return error;
      }
    },

    lastBackupAt: () => queue.read(() => lastRun.first()?.endedAt),

    async compact() {
      await queue.idle();
      waitForLocks(database);
      try {
        compact(database);
      } catch (error) {
        throw explainError(error, database.location() ?? ':memory:');
      } finally {
        stopWaitingForLocks(database);
      }
    },
  };
}
