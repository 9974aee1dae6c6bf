import { chmodSync, constants, copyFileSync } from 'node:fs';
import type { Actor } from '../audit.ts';
import { type HeldCount, markRestored, type Restore } from '../held-leads.ts';
import type { Store } from '../store.ts';
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
 * @param actor who restores it, for the audit log
 * @param prepare called with the copy before it is put in place
 * @throws {UserError} if another process uses the store
 */
export async function restoreSqliteStore(
  path: string,
  file: string,
  restore: Restore,
  actor: Actor,
  prepare: (store: Store) => Promise<void>,
): Promise<Replacement<HeldCount>> {
  try {
    return await replaceStore(
      path,
      (copy) => prepareCopy(file, copy, restore, actor, prepare),
      restore.restoredAt,
    );
  } catch (error) {
    throw explainError(error, path);
  }
}

/** Copies a backup, migrates the copy and marks it as restored. */
async function prepareCopy(
  file: string,
  copy: string,
  restore: Restore,
  actor: Actor,
  prepare: (store: Store) => Promise<void>,
): Promise<HeldCount> {
  createPrivate(copy);
  copyFileSync(file, copy, constants.COPYFILE_FICLONE);
  // The copy has the mode of the backup.
  chmodSync(copy, 0o600);
  const store = openSqliteStore(copy);
  store.actAs(actor);
  try {
    const held = await markRestored(store, restore);
    await prepare(store);
    return held;
  } finally {
    await store.close();
  }
}
