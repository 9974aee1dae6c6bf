import type { DatabaseSync } from 'node:sqlite';
import type { CommitQueue } from './commit-queue.ts';
import { Query } from './query.ts';

/** How often it is looked whether another process has changed the file, in milliseconds. */
const interval = 250;

/**
 * Calls `wake` after each commit of this process, and soon after one of another: SQLite tells nobody,
 * but counts them (`PRAGMA data_version`), and reading the count takes a microsecond or two.
 *
 * @returns what ends it
 */
export function watchChanges(database: DatabaseSync, queue: CommitQueue, wake: () => void): () => void {
  const version = new Query<{ data_version: number }>(database, 'PRAGMA data_version');
  let seen = version.first()?.data_version;
  const timer = setInterval(() => {
    const current = version.first()?.data_version;
    if (current === seen) return;
    seen = current;
    wake();
  }, interval);
  timer.unref();
  const stopListening = queue.onCommit(wake);
  return () => {
    clearInterval(timer);
    stopListening();
  };
}
