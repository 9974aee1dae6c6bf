import type { DatabaseSync } from 'node:sqlite';
import type { Attempt, Delivery, DueLead } from '../../delivery.ts';
import { inPages } from '../../pages.ts';
import { dueLeadColumns, dueLeadJoins } from '../../sql/due-lead.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';
import { attemptRecorder } from './attempts.ts';
import { claimer, leaseRenewer } from './claims.ts';
import { type DueQueue, dueQueue, type QueuePosition } from './due-queue.ts';

/** Returns the store's delivery. */
export function sqliteDelivery(
  database: DatabaseSync,
  queue: CommitQueue,
  recordLate: (attempt: Attempt) => Promise<boolean>,
): Omit<Delivery, 'releaseLeads' | 'postponeLeads' | 'earlierLeads'> {
  const due = dueQueue(database);
  const claimDue = claimer(database, due);
  const renewLease = leaseRenewer(database);
  const recordAttempt = attemptRecorder(database);

  return {
    dueLeads: dueLeadLister(database, queue, due),
    nextAttemptAt: () => queue.read(() => due.nextAttemptAt()),

    onChange: (listener) => queue.onCommit(listener),
    claimDue: (terms) => queue.write(() => claimDue(terms)),
    renewLease: (claim, leadIds, lease) => queue.write(() => renewLease(claim, leadIds, lease)),
    recordAttempt: async (claim, attempt, nextAttemptAt) => {
      const isRecorded = await queue.write(() => recordAttempt(claim, attempt, nextAttemptAt));
      return !isRecorded && recordLate(attempt);
    },
  };
}

function dueLeadLister(database: DatabaseSync, queue: CommitQueue, due: DueQueue): Delivery['dueLeads'] {
  const dueLead = new Query<DueLead>(
    database,
    `SELECT ${dueLeadColumns} FROM lead ${dueLeadJoins} WHERE lead.id = ?`,
  );
  return async function* dueLeads(limit) {
    queue.checkUsable();
    const now = Date.now();
    for await (const { id } of inPages<QueuePosition>(limit, (last, size) => due.first(now, size, last))) {
      const lead = dueLead.first(id);
      if (lead !== undefined) yield lead;
    }
  };
}
