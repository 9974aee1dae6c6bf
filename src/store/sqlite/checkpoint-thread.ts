/** The thread that `Checkpoints` starts: each message asks for one checkpoint, and is answered. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { durableCheckpoints } from './database.ts';

/** How long writers may be kept waiting for whoever still reads the log, in milliseconds. */
const patience = 50;

const port = parentPort;
if (port === null) throw new Error('The checkpoint thread was started as a program of its own.');
// The cast: `Checkpoints` gives it the path of the database.
const database = new DatabaseSync(workerData as string, { timeout: patience });
durableCheckpoints(database);
const alongside = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const restarting = database.prepare('PRAGMA wal_checkpoint(RESTART)');

/** So often what was written meanwhile is carried over beside the writers. */
const mostPasses = 20;

port.on('message', () => {
  for (let pass = 0; pass < mostPasses && !isCarriedOver(); pass += 1);
  // What came since is little, and carried over while writers wait: else the log would never begin anew under a load
  // that never pauses, and grow without end.
  restarting.get();
  port.postMessage('done');
});

/** Carries pages over beside the writers; the pass after which none is left syncs the database file, which takes longest. */
function isCarriedOver(): boolean {
  const { log, checkpointed } = alongside.get() ?? {};
  return log === checkpointed;
}
