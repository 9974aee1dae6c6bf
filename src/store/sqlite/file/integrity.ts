import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './lifecycle.ts';

/** Tables that authentication depends on. They are small, so every start checks them completely. */
const registry = ['lead_type', 'type_alias', 'partner', 'granted_type', 'api_key'] as const;

/** Maximum size of a store that every start checks completely (bytes); it takes a few milliseconds. */
const maxFullyChecked = 4 * 2 ** 20;

/** Returns the first fault in the tables, or in the whole store; undefined: none. */
function findFault(database: DatabaseSync, tables?: readonly string[]): string | undefined {
  try {
    for (const scope of tables ?? ['1']) {
      const found = database.prepare(`PRAGMA integrity_check(${scope})`).get()?.['integrity_check'];
      if (found !== 'ok') return String(found);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Returns the first fault because of which valid keys may not be found; undefined: none. */
export function findFaultInKeys(database: DatabaseSync): string | undefined {
  return findFault(database, ['api_key']);
}

/**
 * Checks the tables that requests depend on, and rebuilds their indexes if one does not match its table.
 *
 * @param path of the file, for messages
 * @throws if the tables themselves are damaged
 */
export function checkIntegrity(database: DatabaseSync, path: string): void {
  const tables = sizeOf(database) <= maxFullyChecked ? undefined : registry;
  if (findFault(database, tables) === undefined) return;
  const fault = rebuildIndexes(database, tables);
  if (fault !== undefined) {
    throw new Error(
      `${path} is damaged (${fault}). Rebuilding its indexes did not help. Check the disk, then restore a backup.`,
    );
  }
  process.emitWarning(`An index of ${path} was damaged and has been rebuilt from its table. Check the disk.`);
}

/**
 * Rebuilds the indexes of the tables, or all indexes. Returns the first remaining fault, after a rollback; undefined:
 * none.
 */
export function rebuildIndexes(database: DatabaseSync, tables?: readonly string[]): string | undefined {
  markInUse(database);
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const table of tables ?? ['']) database.exec(`REINDEX ${table}`);
    const fault = findFault(database, tables);
    database.exec(fault === undefined ? 'COMMIT' : 'ROLLBACK');
    return fault;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    return error instanceof Error ? error.message : String(error);
  }
}

function sizeOf(database: DatabaseSync): number {
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  return pages * pageSize;
}
