import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { UserError } from '../../../errors/user-error.ts';
import { explainError, isBusy, isDamaged } from '../errors.ts';
import { createDirectory } from './database.ts';
import { inspectFiles } from './inspection.ts';
import { createPrivate } from './permissions.ts';
import { isSameFile } from './same-file.ts';
import { syncFile } from './sync-file.ts';
import { applicationId, isInUse, markedClosed, versionOf } from './version.ts';

/** What is kept of a replaced store. */
export interface KeptStore {
  /** Path of its file, next to which its log and index are, if it had them; or of its log, if its file was missing. */
  path: string;
  isLogOnly: boolean;
}

/** A store that was replaced. */
export interface Replacement<Result> {
  /** What was kept of the replaced store; undefined: there was nothing. */
  kept: KeptStore | undefined;
  result: Result;
}

/** Files that belong to a store's file. */
const companions = ['-wal', '-shm'] as const;

/**
 * Replaces the file of a store in one step, so that a process that opens it finds either the old or the new store. It
 * stays locked meanwhile: a server that starts waits, then opens the new one. If this process is killed, the old store
 * is in place, unless the step was made.
 *
 * @param path of the file, without symbolic links; it may be missing
 * @param prepare creates the new store at a path next to it, and closes it
 * @param now for the name of the file that is kept (ms since 1970)
 * @throws {UserError} if another process uses the store, or the file belongs to another program
 */
export async function replaceStore<Result>(
  path: string,
  prepare: (copy: string) => Promise<Result>,
  now: number,
): Promise<Replacement<Result>> {
  createDirectory(dirname(path));
  const before = statSync(path, { throwIfNoEntry: false });
  // A server that starts meanwhile must find a file to wait for: it would create a missing one.
  createPrivate(path);
  removeSecondNames(path, before);
  const aside = unusedName(`${path}.replaced-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}`);
  const { lock, moved } = lockAlone(path, aside);
  const copy = `${path}.restoring-${randomUUID().slice(0, 8)}`;
  try {
    const result = await prepare(copy);
    giveTo(copy, before, dirname(path));
    syncFile(copy);
    const isKept = (before?.size ?? 0) > 0;
    if (isKept) keep(path, aside);
    renameSync(copy, path);
    syncFile(dirname(path));
    return { kept: keptStore(aside, isKept, moved), result };
  } finally {
    removeCopies(path);
    lock?.close();
  }
}

function keptStore(aside: string, isFileKept: boolean, isLogKept: boolean): KeptStore | undefined {
  if (isFileKept) return { path: aside, isLogOnly: false };
  return isLogKept ? { path: `${aside}-wal`, isLogOnly: true } : undefined;
}

/** Removes the second names that killed restores have given to the file. It is still in place, so it is kept again. */
function removeSecondNames(path: string, file: Stats | undefined): void {
  if (file === undefined || file.nlink === 1) return;
  for (const name of namesStartingWith(`${path}.replaced-`)) {
    if (isSameFile(statSync(name), file)) rmSync(name);
  }
}

/** Returns a name that no store has: a restore that was killed in the same second may have used the first one. */
function unusedName(wanted: string): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!['', ...companions].some((suffix) => existsSync(`${name}${suffix}`))) return name;
  }
}

/**
 * Locks a store that no other process uses, and moves its log into its file. A log that SQLite must not apply is moved
 * aside instead.
 *
 * @returns the connection that holds the lock (undefined: the file is so damaged that SQLite cannot lock it), and
 *   whether a log was moved aside
 */
function lockAlone(path: string, aside: string): { lock: DatabaseSync | undefined; moved: boolean } {
  const isUsable = isConsistent(path);
  const moved = isUsable ? [] : companions.filter((suffix) => existsSync(`${path}${suffix}`));
  for (const suffix of moved) renameSync(`${path}${suffix}`, `${aside}${suffix}`);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    lockExclusively(database, path, isUsable);
    return { lock: database, moved: moved.length > 0 };
  } catch (error) {
    database.close();
    if (isDamaged(error)) return { lock: undefined, moved: moved.length > 0 };
    for (const suffix of moved) renameSync(`${aside}${suffix}`, `${path}${suffix}`);
    if (!isBusy(error)) throw explainError(error, path);
    throw new UserError(
      `${path} is in use, so it was not replaced. Stop every server and command that uses it (\`fuser ${path}\` lists them), then run the command again.`,
    );
  }
}

/** Returns whether a store's log is its own, so that SQLite may apply it. */
function isConsistent(path: string): boolean {
  try {
    inspectFiles(path);
    return true;
  } catch {
    // The reason does not matter: the store is replaced, and its files are kept as they are.
    return false;
  }
}

/** Leaves WAL mode first: a connection in WAL mode would remove the log of the new store when it is closed. */
function lockExclusively(database: DatabaseSync, path: string, isUsable: boolean): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
  const { application_id: id } = { ...database.prepare('PRAGMA application_id').get() };
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count'];
  if (id !== applicationId && tables !== 0) {
    throw new UserError(
      `${path} is a database of another program or version, so it was not replaced. Set DATABASE_URL to the store, or move the file away.`,
    );
  }
  const version = versionOf(database);
  // COMMIT would write a first page to an empty file.
  const isMarked = isUsable && isInUse(version);
  database.exec(isMarked ? `PRAGMA user_version = ${markedClosed(version)}; COMMIT` : 'ROLLBACK');
  database.exec('PRAGMA journal_mode = DELETE');
  // It is empty. SQLite would remove it only when it releases the lock, when it would be that of the new store.
  rmSync(`${path}-journal`, { force: true });
  database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
}

/**
 * Gives a file the owner and the mode of the replaced one. If there was none, root gives it to the owner of the
 * directory, as which the server runs.
 */
function giveTo(file: string, replaced: Stats | undefined, directory: string): void {
  const own = statSync(file);
  const { uid, gid } = replaced ?? (process.getuid?.() === 0 ? statSync(directory) : own);
  if (own.uid !== uid || own.gid !== gid) chownSync(file, uid, gid);
  chmodSync(file, replaced === undefined ? 0o600 : replaced.mode & 0o777);
}

/** Gives a file a second name. A copy would end the lock, because a process loses its locks when it closes a file. */
function keep(path: string, aside: string): void {
  try {
    linkSync(path, aside);
  } catch (error) {
    throw new UserError(
      `${path} cannot be kept as ${aside} (${error instanceof Error ? error.message : String(error)}). Move it away, then run the command again.`,
    );
  }
  syncFile(dirname(path));
}

/** Removes what is left of this restore, or of one that was killed. */
function removeCopies(path: string): void {
  for (const name of namesStartingWith(`${path}.restoring-`)) rmSync(name, { force: true });
}

/** Returns the paths of the files whose path starts with a text. */
function namesStartingWith(path: string): string[] {
  const directory = dirname(path);
  return readdirSync(directory)
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => join(directory, name));
}
