import { fsyncSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors/user-error.ts';
import type { Maintenance } from '../store.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import type { Durability } from './durability/durability.ts';
import { isBusy } from './fault.ts';
import { durableCheckpoints, existingFile } from './file/database.ts';
import { writableDescriptorOf } from './file/descriptors.ts';
import { overwriteUnallocatedSpace } from './file/unallocated-space.ts';
import { versionOf } from './file/version.ts';

/** How many pages one step moves, or reads: a step keeps others from writing for some milliseconds. */
const movedPages = 250;
const readPages = 1_024;

/** In regular maintenance the file shrinks when more than this part of it, and this many pages, are free. */
const freePart = 0.25;
const freePages = 1_000;

/** How long a step tries while others are in the way, and the pause between two attempts, in milliseconds. */
const patience = 20_000;
const pause = 10;

/** How long an attempt waits for the write lock, in milliseconds. */
const lockPatience = 100;

/**
 * Erases what removed rows have left. Rows and pages that are freed are overwritten at once (`secure_delete`); what is
 * left then is room, bytes that SQLite has moved, and the log.
 *
 * @param path of the file; undefined for a database in memory
 */
export function sqliteErasure(
  database: DatabaseSync,
  queue: CommitQueue,
  durability: Durability,
  path: string | undefined,
): Pick<Maintenance, 'shrink' | 'erase'> {
  const countOf = (name: 'freelist_count' | 'page_count') =>
    Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const giveBack = database.prepare(`PRAGMA incremental_vacuum(${movedPages})`);
  const step = () => queue.write(() => void giveBack.all());
  let hasShrunk = false;

  return {
    async shrink() {
      const free = countOf('freelist_count');
      if (path !== undefined && free > freePages && free > freePart * countOf('page_count')) {
        await step();
        hasShrunk = true;
        return true;
      }
      if (hasShrunk) await durability.truncateLog();
      hasShrunk = false;
      return false;
    },

    async erase(after) {
      if (path === undefined) return undefined;
      if (after === 0 && countOf('freelist_count') > 0) {
        await step();
        return 0;
      }
      const descriptor = writableDescriptorOf(path);
      const read = await persisting(path, () =>
        whileNobodyWrites(path, () => overwriteUnallocatedSpace(descriptor, after + 1, readPages)),
      );
      if (read === readPages) return after + read;
      fsyncSync(descriptor);
      await persisting(path, async () => (await durability.truncateLog()) || undefined);
      return undefined;
    },
  };
}

/** Attempts something until it has a result. @throws {UserError} where somebody is in the way for too long */
async function persisting<Result>(
  path: string,
  attempt: () => Result | undefined | Promise<Result | undefined>,
): Promise<Result> {
  for (const deadline = performance.now() + patience; ; await sleep(pause)) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (performance.now() < deadline) continue;
    throw new UserError(
      `What was removed is gone from the tables, and can still be read in ${path} or its log: a process keeps reading or writing the store. Run the command again when it has ended.`,
    );
  }
}

/**
 * Runs a step that changes the file itself. Everything that the log holds is in the file then, and nobody can write. The
 * transaction around it changes the first page, and so has every other connection drop the pages that it has in memory
 * and read the file from then on. Returns undefined where somebody was in the way.
 */
function whileNobodyWrites<Result>(path: string, run: () => Result): Result | undefined {
  const writer = new DatabaseSync(existingFile(path), { timeout: lockPatience });
  const carrier = new DatabaseSync(existingFile(path));
  try {
    durableCheckpoints(carrier);
    writer.exec('BEGIN IMMEDIATE');
    const { log, checkpointed } = { ...carrier.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() };
    if (log !== checkpointed) return undefined;
    const result = run();
    writer.exec(`PRAGMA user_version = ${versionOf(writer)}; COMMIT`);
    return result;
  } catch (error) {
    if (isBusy(error)) return undefined;
    throw error;
  } finally {
    carrier.close();
    writer.close();
  }
}
