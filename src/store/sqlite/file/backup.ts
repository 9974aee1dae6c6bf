import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { UserError } from '../../../errors/user-error.ts';
import { createPrivate } from './permissions.ts';
import { markedClosed, versionOf, withNewLineage } from './version.ts';

/** As many pages as one step of a copy can take. */
const allPages = 2 ** 31 - 1;

/**
 * Copies a store into a new file while it is in use. The file gets its name only once it is complete, checked and synced;
 * until then it is called `<file>.incomplete-<random>`, and a backup that is interrupted leaves nothing else behind.
 *
 * @throws {UserError} if the file exists, or its directory does not
 */
export async function backUp(database: DatabaseSync, file: string): Promise<void> {
  if (existsSync(file)) throw new UserError(`${file} exists already. Name a file that does not.`);
  const directory = dirname(resolve(file));
  if (!existsSync(directory)) {
    throw new UserError(`The directory ${directory} does not exist. Create it, or name a file elsewhere.`);
  }
  const incomplete = `${file}.incomplete-${randomUUID().slice(0, 8)}`;
  try {
    createPrivate(incomplete);
    // In one step, which sees one state of the store: in several, each commit beside it would make
    // the copy begin again.
    await backup(database, incomplete, { rate: allPages });
    complete(incomplete);
    syncFile(incomplete);
    renameSync(incomplete, file);
    syncFile(directory);
  } catch (error) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${incomplete}${suffix}`, { force: true });
    throw error;
  }
}

/** Checks the copy, and marks it as a store that is closed: it needs no log. */
function complete(file: string): void {
  const copy = new DatabaseSync(file);
  try {
    const found = copy.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok') throw new Error(`The copy is damaged: ${found}`);
    copy.exec(`PRAGMA user_version = ${withNewLineage(markedClosed(versionOf(copy)))}`);
  } finally {
    copy.close();
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
