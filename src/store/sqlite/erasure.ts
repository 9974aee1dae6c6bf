import { fsyncSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors/user-error.ts';
import type { Maintenance } from '../maintenance.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import type { Durability } from './durability/durability.ts';
import { explainError, isBusy } from './errors.ts';
import { durableCheckpoints, existingFile } from './file/database.ts';
import { writableDescriptorOf } from './file/descriptors.ts';
import { overwriteUnallocatedSpace } from './file/unallocated-space.ts';
import { versionOf } from './file/version.ts';

/** Number of pages that one step moves, or reads. A step blocks writers for a few milliseconds. */
const pagesToMove = 250;
const pagesToRead = 1_024;

/** Regular maintenance shrinks the file if more than this share of it, and this number of pages, are free. */
const minFreeShare = 0.25;
const minFreePages = 1_000;

/** Maximum time that a step is retried while other processes prevent it, and the time between two attempts (ms). */
const retryTimeout = 20_000;
const retryDelay = 10;

/** Maximum time that an attempt waits for the write lock (ms). */
const lockTimeout = 100;

/**
 * Erases what deleted rows have left in the files. `secure_delete` overwrites rows and pages when they are freed. Free
 * pages, copies of rows that SQLite has moved, and the log remain.
 *
 * @param path of the file; undefined for an in-memory store
 */
export function sqliteErasure(
  database: DatabaseSync,
  queue: CommitQueue,
  durability: Durability,
  path: string | undefined,
): Pick<Maintenance, 'shrink' | 'erase'> {
  const countOf = (name: 'freelist_count' | 'page_count') =>
    Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const vacuum = database.prepare(`PRAGMA incremental_vacuum(${pagesToMove})`);
  const vacuumStep = () => queue.write(() => void vacuum.all());
  let hasShrunk = false;

  return {
    async shrink() {
      const free = countOf('freelist_count');
      if (path !== undefined && free > minFreePages && free > minFreeShare * countOf('page_count')) {
        await vacuumStep();
        hasShrunk = true;
        return true;
      }
      if (hasShrunk) await durability.truncateLog();
      hasShrunk = false;
      return false;
    },

    async erase(after) {
      if (path === undefined) return undefined;
      try {
        return await eraseStep(path, after);
      } catch (error) {
        throw explainError(error, path);
      }
    },
  };

  async function eraseStep(path: string, after: number): Promise<number | undefined> {
    if (after === 0 && countOf('freelist_count') > 0) {
      await vacuumStep();
      return 0;
    }
    const descriptor = writableDescriptorOf(path);
    const read = await retryUntilDone(path, () =>
      withWriteLock(path, () => overwriteUnallocatedSpace(descriptor, after + 1, pagesToRead)),
    );
    if (read === pagesToRead) return after + read;
    fsyncSync(descriptor);
    await retryUntilDone(path, async () => (await durability.truncateLog()) || undefined);
    return undefined;
  }
}

/** Calls `attempt` until it returns a result. @throws {UserError} if other processes prevent it for too long */
async function retryUntilDone<Result>(
  path: string,
  attempt: () => Result | undefined | Promise<Result | undefined>,
): Promise<Result> {
  for (const deadline = performance.now() + retryTimeout; ; await sleep(retryDelay)) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (performance.now() < deadline) continue;
    throw new UserError(
      `The rows were deleted, but their content can still be read in ${path} or its log, because another process keeps reading or writing the store. Run the command again when that process has ended.`,
    );
  }
}

/**
 * Runs a step that changes the file directly, while no connection can write and the file contains everything in the
 * log. The surrounding transaction changes the first page, so that all other connections discard their cached pages.
 * Returns undefined if a reader or writer prevented it.
 */
function withWriteLock<Result>(path: string, run: () => Result): Result | undefined {
  const writer = new DatabaseSync(existingFile(path), { timeout: lockTimeout });
  const checkpointer = new DatabaseSync(existingFile(path));
  try {
    durableCheckpoints(checkpointer);
    writer.exec('BEGIN IMMEDIATE');
    const { busy, log, checkpointed } = { ...checkpointer.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() };
    // Busy: another connection is making a checkpoint, which writes to the file. Then both counts are -1.
    if (busy !== 0 || log !== checkpointed) return undefined;
    const result = run();
    writer.exec(`PRAGMA user_version = ${versionOf(writer)}; COMMIT`);
    return result;
  } catch (error) {
    if (isBusy(error)) return undefined;
    throw error;
  } finally {
    checkpointer.close();
    writer.close();
  }
}
