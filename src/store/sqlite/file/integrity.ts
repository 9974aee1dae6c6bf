import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './lifecycle.ts';

/** Who is let in, and with what, is looked up in these. They are small, so each start checks them whole. */
const registry = ['lead_type', 'partner', 'granted_type', 'api_key'] as const;

/** A store up to this size is checked whole at each start, in bytes: a few milliseconds. */
const smallStore = 4 * 2 ** 20;

/** The first fault that is found in the tables, or in the whole store; undefined where there is none. */
export function faultIn(database: DatabaseSync, tables?: readonly string[]): string | undefined {
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

/** What keeps keys from being found; undefined where nothing does. */
export function faultInKeys(database: DatabaseSync): string | undefined {
  return faultIn(database, ['api_key']);
}

/**
 * Checks what the first requests rely on, and rebuilds the indexes where one does not fit its table: a valid key would
 * not be found.
 *
 * @param path of the file, for messages
 * @throws where the tables themselves are damaged
 */
export function checkIntegrity(database: DatabaseSync, path: string): void {
  const tables = sizeOf(database) <= smallStore ? undefined : registry;
  if (faultIn(database, tables) === undefined) return;
  const fault = rebuildIndexes(database, tables);
  if (fault !== undefined) {
    throw new Error(
      `${path} is damaged (${fault}). Check the disk, then restore a backup: rebuilding the indexes does not help.`,
    );
  }
  process.emitWarning(
    `An index of ${path} was damaged, and has been rebuilt from its table. Check the disk.`,
  );
}

/** Rebuilds the indexes of the tables, or all. Returns the first fault that is left; nothing is changed then. */
export function rebuildIndexes(database: DatabaseSync, tables?: readonly string[]): string | undefined {
  markInUse(database);
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const table of tables ?? ['']) database.exec(`REINDEX ${table}`);
    const fault = faultIn(database, tables);
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
