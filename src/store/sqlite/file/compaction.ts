import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './lifecycle.ts';

/**
 * Rewrites the whole file without free space and without remains of deleted rows. Blocks all other writers meanwhile,
 * and needs as much free disk space as the store has data.
 */
export function compact(database: DatabaseSync): void {
  markInUse(database);
  database.exec('VACUUM');
}
