/** The thread that `Checkpoints` starts. Each message is a task; the thread responds with whether it completed. */
import { fsyncSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { durableCheckpoints, existingFile } from '../file/database.ts';

/** The database file that the thread moves the log's pages to. */
export interface CheckpointedFile {
  path: string;
  /** A descriptor of the file. */
  descriptor: number;
  inode: number;
}

/** `checkpoint` moves the log's pages to the file and resets the log; `truncate` also truncates the log. */
export type CheckpointTask = 'checkpoint' | 'truncate';

/** Maximum time that writers wait for readers of the log (ms). */
const busyTimeout = 50;

/**
 * Passes that do not block writers: the first moves nearly everything, the second what was written during the first.
 */
const passivePasses = 2;

const port = parentPort;
if (port === null)
  throw new Error('The checkpoint thread was started as a program. Start the server instead.');
// The cast: `Checkpoints` passes this object.
const { path, descriptor, inode } = workerData as CheckpointedFile;
// Opening must not create a file if the database file was removed.
const database = new DatabaseSync(existingFile(path), { timeout: busyTimeout });
if (statSync(path).ino !== inode) throw new Error(`${path} was replaced by another file.`);
durableCheckpoints(database);
const passive = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const final = {
  checkpoint: database.prepare('PRAGMA wal_checkpoint(RESTART)'),
  truncate: database.prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
};

port.on('message', (task: CheckpointTask) => {
  for (let pass = 0; pass < passivePasses; pass += 1) {
    passive.get();
    // Leaves little to sync for the final checkpoint, which makes writers wait.
    fsyncSync(descriptor);
  }
  // Blocks writers, but only while the pages written since are moved. Under constant load only this resets the log.
  const isComplete = final[task].get()?.['busy'] === 0;
  port.postMessage(isComplete);
});
