import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './lifecycle.ts';

/**
 * Rewrites the whole file without the space and the traces that removed rows have left. Blocks all other writers
 * meanwhile, and needs as much disk space again.
 */
export function compact(database: DatabaseSync): void {
  markInUse(database);
  database.exec('VACUUM');
}
