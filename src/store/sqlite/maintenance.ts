import type { DatabaseSync } from 'node:sqlite';
import type { Maintenance } from '../store.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { explainError } from './errors.ts';
import { backUp } from './file/backup.ts';
import { compact } from './file/compaction.ts';
import { stopWaitingForLocks, waitForLocks } from './file/database.ts';

/** Backs up and compacts the store's file. */
export function sqliteMaintenance(
  database: DatabaseSync,
  queue: CommitQueue,
): Pick<Maintenance, 'backup' | 'compact'> {
  return {
    backup: (file) => backUp(database, file),

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
