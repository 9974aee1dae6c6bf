import { chmodSync, constants, copyFileSync } from 'node:fs';
import { type HeldCount, markRestored, type Restore } from '../held-leads.ts';
import { explainError } from './errors.ts';
import { createPrivate } from './file/permissions.ts';
import { type Replacement, replaceStore } from './file/replacement.ts';
import { openSqliteStore } from './sqlite-store.ts';

/**
 * Puts a copy of a backup in the place of a store. The copy is migrated and marked as restored before, so nothing that
 * it contains can be delivered without an operator.
 *
 * @param path of the store's file, without symbolic links; it may be missing
 * @param file a backup that `checkBackup` has accepted
 * @throws {UserError} if another process uses the store
 */
export async function restoreSqliteStore(
  path: string,
  file: string,
  restore: Restore,
): Promise<Replacement<HeldCount>> {
  try {
    return await replaceStore(path, (copy) => prepareCopy(file, copy, restore), restore.restoredAt);
  } catch (error) {
    throw explainError(error, path);
  }
}

/** Copies a backup, migrates the copy and marks it as restored. */
async function prepareCopy(file: string, copy: string, restore: Restore): Promise<HeldCount> {
  createPrivate(copy);
  copyFileSync(file, copy, constants.COPYFILE_FICLONE);
  // The copy has the mode of the backup.
  chmodSync(copy, 0o600);
  const store = openSqliteStore(copy);
  try {
    return await markRestored(store, restore);
  } finally {
    await store.close();
  }
}
