/** The thread that `Checkpoints` starts: each message asks for one task, and is answered with how it ended. */
import { fsyncSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { durableCheckpoints, existingFile } from '../file/database.ts';

/** What the thread works on. */
export interface CheckpointedFile {
  path: string;
  /** A descriptor of the same file. */
  descriptor: number;
  /** Its inode. */
  inode: number;
}

/** `checkpoint` carries the log over to the file; `empty` also waits for readers and truncates the log. */
export type CheckpointTask = 'checkpoint' | 'empty';

/** How long writers may be kept waiting for whoever still reads the log, in milliseconds. */
const patience = 50;

/** The first carries over nearly all, the second what was written meanwhile. */
const passesAlongside = 2;

const port = parentPort;
if (port === null) throw new Error('The checkpoint thread was started as a program of its own.');
// The cast: `Checkpoints` gives it.
const { path, descriptor, inode } = workerData as CheckpointedFile;
// Opening must not make a new file in the place of one that was removed.
const database = new DatabaseSync(existingFile(path), { timeout: patience });
if (statSync(path).ino !== inode) throw new Error(`${path} was replaced by another file.`);
durableCheckpoints(database);
const alongside = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const ending = {
  checkpoint: database.prepare('PRAGMA wal_checkpoint(RESTART)'),
  empty: database.prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
};

port.on('message', (task: CheckpointTask) => {
  for (let pass = 0; pass < passesAlongside; pass += 1) {
    alongside.get();
    // SQLite syncs the file only where nothing was written meanwhile: under load that would be below, while writers
    // wait. What was synced here already took them 25 ms of each checkpoint there, and takes 2 now.
    fsyncSync(descriptor);
  }
  // What came since is little, and carried over while writers wait: else the log would never begin anew under a load
  // that never pauses, and grow without end.
  const isComplete = ending[task].get()?.['busy'] === 0;
  port.postMessage(isComplete);
});
