import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { UserError } from '../../../errors/user-error.ts';
import { explainBackupError } from '../errors.ts';
import { createPrivate } from './permissions.ts';
import { syncFile } from './sync-file.ts';
import { markedClosed, versionOf, withNewLineage } from './version.ts';

/** Maximum number of pages that one step of a copy can take. */
const allPages = 2 ** 31 - 1;

/**
 * Copies a store to a new file while it is in use. The copy is written to `<file>.incomplete-<random>` and renamed once
 * it is complete, checked and synced, so an interrupted backup leaves only the incomplete file.
 *
 * @throws {UserError} if the file exists, or its directory does not
 */
export async function backUp(database: DatabaseSync, file: string): Promise<void> {
  const directory = dirname(resolve(file));
  try {
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) {
      throw new UserError(`${file} already exists. Choose another file name.`);
    }
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
      throw new UserError(`The directory ${directory} does not exist. Create it, or choose another one.`);
    }
    await backUpTo(database, file, directory);
  } catch (error) {
    throw explainBackupError(error, directory);
  }
}

/** Makes a backup in a directory that exists. If it fails, nothing is left behind. */
async function backUpTo(database: DatabaseSync, file: string, directory: string): Promise<void> {
  const incomplete = `${file}.incomplete-${randomUUID().slice(0, 8)}`;
  createPrivate(incomplete);
  try {
    // One step: with several, every commit in between would restart the copy.
    await backup(database, incomplete, { rate: allPages });
    checkAndMarkClosed(incomplete);
    syncFile(incomplete);
    renameSync(incomplete, file);
    syncFile(directory);
  } catch (error) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${incomplete}${suffix}`, { force: true });
    throw error;
  }
}

/** Checks the copy and marks it as a closed store, which needs no log. */
function checkAndMarkClosed(file: string): void {
  const copy = new DatabaseSync(file);
  try {
    const found = copy.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok')
      throw new Error(`The copy is damaged (${found}). Check the disk, then run the command again.`);
    copy.exec(`PRAGMA user_version = ${withNewLineage(markedClosed(versionOf(copy)))}`);
  } finally {
    copy.close();
  }
}
