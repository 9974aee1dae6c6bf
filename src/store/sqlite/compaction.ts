import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './closing.ts';
import { isBusy } from './fault.ts';

/** A file up to this size is arranged anew at the start, in bytes; it takes up to a second or so. */
const quicklyCompacted = 64 * 2 ** 20;

/** `auto_vacuum`: a file that cannot give room back, and one that does when it is asked to. */
const none = 0;

/** Whether the file gives back the room of removed rows step by step (`auto_vacuum=INCREMENTAL`). */
export function canShrink(database: DatabaseSync): boolean {
  return Number(database.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum']) !== none;
}

/**
 * Writes the whole file anew, without the room and the traces that removed rows have left, so that from then on it can
 * shrink step by step. Nobody else can write meanwhile, and it takes as much room again.
 */
export function compact(database: DatabaseSync): void {
  markInUse(database);
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
}

/** Compacts a file that an earlier version made, where it is small enough for a start to wait for. */
export function compactOnce(database: DatabaseSync, path: string): void {
  if (canShrink(database)) return;
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  if (pages * pageSize <= quicklyCompacted) compactUnlessBusy(database);
  else {
    process.emitWarning(
      `${path} may still hold what \`leads prune\` removed before version 1.3. Run \`leads store compact\` once, when nothing has to be written for some minutes.`,
    );
  }
}

/** Where another process uses the store, a later start does it. */
function compactUnlessBusy(database: DatabaseSync): void {
  try {
    compact(database);
  } catch (error) {
    if (!isBusy(error)) throw error;
  }
}
