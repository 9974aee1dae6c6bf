/** The thread that `Checkpoints` starts: each message asks for one checkpoint, and is answered. */
import { fsyncSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { durableCheckpoints } from './database.ts';

/** What the thread is given. */
export interface CheckpointedFile {
  path: string;
  /** A descriptor of the same file. */
  descriptor: number;
}

/** How long writers may be kept waiting for whoever still reads the log, in milliseconds. */
const patience = 50;

/** The first carries over nearly all, the second what was written meanwhile. */
const passesAlongside = 2;

const port = parentPort;
if (port === null) throw new Error('The checkpoint thread was started as a program of its own.');
// The cast: `Checkpoints` gives it.
const { path, descriptor } = workerData as CheckpointedFile;
const database = new DatabaseSync(path, { timeout: patience });
durableCheckpoints(database);
const alongside = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const restarting = database.prepare('PRAGMA wal_checkpoint(RESTART)');

port.on('message', () => {
  for (let pass = 0; pass < passesAlongside; pass += 1) {
    alongside.get();
    // SQLite syncs the file only where nothing was written meanwhile: under load that would be below, while writers
    // wait. What was synced here already took them 25 ms of each checkpoint there, and takes 2 now.
    fsyncSync(descriptor);
  }
  // What came since is little, and carried over while writers wait: else the log would never begin anew under a load
  // that never pauses, and grow without end.
  restarting.get();
  port.postMessage('done');
});
