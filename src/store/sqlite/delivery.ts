import type { DatabaseSync } from 'node:sqlite';
import { isUndecided, nextEndedOrder } from '../lead-order.ts';
import { inPages } from '../pages.ts';
import { dueLeadColumns, dueLeadJoins, interruptedResponse } from '../sql/due-lead.ts';
import type { ClaimedLead, Delivery, DueLead } from '../store.ts';
import { dueQueue, type QueuePosition } from './due-queue.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

export function sqliteDelivery(database: DatabaseSync, queue: CommitQueue): Delivery {
  const line = dueQueue(database);
  const due = new Query<DueLead>(
    database,
    `SELECT ${dueLeadColumns} FROM lead ${dueLeadJoins} WHERE lead.id = ?`,
  );
  const dueToClaim = new Query<
    Omit<ClaimedLead, 'mayHaveArrived'> & { mayHaveArrived: number; interruptedAt: number | null }
  >(
    database,
    `SELECT ${dueLeadColumns}, lead.attempts + 1 AS attempts,
       lead.may_have_arrived OR lead.claim IS NOT NULL AS mayHaveArrived,
       iif(lead.claim IS NULL, NULL, lead.next_attempt_at) AS interruptedAt, lead.trace
     FROM lead ${dueLeadJoins} WHERE lead.id IN (SELECT value FROM json_each(?))`,
  );
  const claim = new Query(
    database,
    `UPDATE lead SET claim = ?, next_attempt_at = ?, attempts = attempts + 1, may_have_arrived = ? WHERE id = ?`,
  );
  const dropTooOld = new Query(
    database,
    `UPDATE lead SET claim = NULL, may_have_arrived = ?1, state = iif(?1, 'failed', 'expired'),
       ended_order = iif(?1, 0, ${nextEndedOrder})
     WHERE id = ?2`,
  );
  const renew = new Query(
    database,
    `UPDATE lead SET next_attempt_at = ? WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );
  const insertAttempt = new Query(
    database,
    'INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response) VALUES (?, ?, ?, ?, ?)',
  );
  const dial = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = ?, claim = NULL
     WHERE id = ? AND (state = 'scheduled' OR ${isUndecided})`,
  );
  const pause = new Query(
    database,
    `UPDATE lead SET claim = NULL, next_attempt_at = ?, may_have_arrived = may_have_arrived OR ?
     WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );
  const fail = new Query(
    database,
    `UPDATE lead SET state = 'failed', claim = NULL, may_have_arrived = may_have_arrived OR ?1,
       ended_order = iif(may_have_arrived OR ?1, 0, ${nextEndedOrder})
     WHERE id = ?2 AND claim = ?3 AND state = 'scheduled'`,
  );

  return {
    async *dueLeads(limit) {
      const now = Date.now();
      for await (const { id } of inPages<QueuePosition>(limit, (last, size) => line.first(now, size, last))) {
        const lead = due.first(id);
        if (lead !== undefined) yield lead;
      }
    },

    async nextAttemptAt() {
      return line.nextAttemptAt();
    },

    onChange(wake) {
      return queue.onCommit(wake);
    },

    claimDue({ claim: name, limit, lease, notDueBefore }) {
      return queue.write(() => {
        const now = Date.now();
        const leads: ClaimedLead[] = [];
        let tooLate = 0;
        let undecided = 0;
        const ids = line.first(now, limit).map(({ id }) => id);
        const found = new Map(dueToClaim.all(JSON.stringify(ids)).map((lead) => [lead.id, lead]));
        for (const id of ids) {
          const first = found.get(id);
          if (first === undefined) {
            // A lead without its submission, as a damaged store may have, must not keep the others from their turn.
            claim.run(name, now + lease, 0, id);
            continue;
          }
          const { interruptedAt, mayHaveArrived, ...lead } = first;
          if (interruptedAt !== null)
            insertAttempt.run(lead.id, interruptedAt, now, 'unknown', interruptedResponse);
          if (lead.dueAt < notDueBefore) {
            dropTooOld.run(mayHaveArrived, lead.id);
            tooLate += 1;
            undecided += mayHaveArrived;
            continue;
          }
          claim.run(name, now + lease, mayHaveArrived, lead.id);
          leads.push({ ...lead, mayHaveArrived: mayHaveArrived === 1 });
        }
        return { leads, tooLate, undecided };
      });
    },

    renewLease(name, leadIds, lease) {
      return queue.write(() => {
        const end = Date.now() + lease;
        return leadIds.filter((id) => renew.run(end, id, name) > 0);
      });
    },

    recordAttempt(name, { leadId, startedAt, endedAt, outcome, response }, nextAttemptAt) {
      return queue.write(() => {
        insertAttempt.run(leadId, startedAt, endedAt, outcome, response);
        const isUnknown = Number(outcome === 'unknown');
        if (outcome === 'delivered') dial.run(endedAt, leadId);
        else if (outcome === 'rejected' || nextAttemptAt === undefined) fail.run(isUnknown, leadId, name);
        else pause.run(nextAttemptAt, isUnknown, leadId, name);
      });
    },
  };
}
