import type { DatabaseSync } from 'node:sqlite';
import { isUndecided, nextReleased } from '../lead-order.ts';
import { inPages } from '../pages.ts';
import type { ClaimedLead, DueLead, HandOff } from '../store.ts';
import type { CommitQueue } from './commit-queue.ts';
import { dueLine, type Place } from './due-line.ts';
import { Query } from './query.ts';

const dueLeadColumns = `
  lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile,
  lead.accepted_at AS acceptedAt, lead.due_at AS dueAt, submission.content`;

const dueLeadTables = `
  lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id
  JOIN submission ON submission.id = lead.submission_id`;

/** Said of a try whose dispatcher was killed, or whose machine stopped, before it could say more. */
const brokenOff = 'no answer was recorded before the lease ended';

export function sqliteHandOff(database: DatabaseSync, queue: CommitQueue): HandOff {
  const line = dueLine(database);
  const due = new Query<DueLead>(
    database,
    `SELECT ${dueLeadColumns} FROM ${dueLeadTables} WHERE lead.id = ?`,
  );
  const dueToClaim = new Query<
    Omit<ClaimedLead, 'mayHaveArrived'> & { mayHaveArrived: number; brokenOffAt: number | null }
  >(
    database,
    `SELECT ${dueLeadColumns}, lead.tries + 1 AS tries,
       lead.may_have_arrived OR lead.claim IS NOT NULL AS mayHaveArrived,
       iif(lead.claim IS NULL, NULL, lead.next_try_at) AS brokenOffAt, lead.trace
     FROM ${dueLeadTables} WHERE lead.id IN (SELECT value FROM json_each(?))`,
  );
  const claim = new Query(
    database,
    `UPDATE lead SET claim = ?, next_try_at = ?, tries = tries + 1, may_have_arrived = ? WHERE id = ?`,
  );
  const dropTooOld = new Query(
    database,
    `UPDATE lead SET claim = NULL, may_have_arrived = ?1, state = iif(?1, 'failed', 'expired'),
       released = iif(?1, 0, ${nextReleased})
     WHERE id = ?2`,
  );
  const renew = new Query(
    database,
    `UPDATE lead SET next_try_at = ? WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );
  const insertTry = new Query(
    database,
    'INSERT INTO try (lead_id, started_at, ended_at, outcome, answer) VALUES (?, ?, ?, ?, ?)',
  );
  const dial = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = ?, claim = NULL
     WHERE id = ? AND (state = 'scheduled' OR ${isUndecided})`,
  );
  const pause = new Query(
    database,
    `UPDATE lead SET claim = NULL, next_try_at = ?, may_have_arrived = may_have_arrived OR ?
     WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );
  const fail = new Query(
    database,
    `UPDATE lead SET state = 'failed', claim = NULL, may_have_arrived = may_have_arrived OR ?1,
       released = iif(may_have_arrived OR ?1, 0, ${nextReleased})
     WHERE id = ?2 AND claim = ?3 AND state = 'scheduled'`,
  );

  return {
    async *dueLeads(limit) {
      const now = Date.now();
      for await (const { id } of inPages<Place>(limit, (last, size) => line.first(now, size, last))) {
        const lead = due.first(id);
        if (lead !== undefined) yield lead;
      }
    },

    async nextTryAt() {
      return line.nextTryAt();
    },

    onChange(wake) {
      return queue.onCommit(wake);
    },

    claimDue({ claim: name, limit, lease, notDueBefore }) {
      return queue.write(() => {
        const now = Date.now();
        const leads: ClaimedLead[] = [];
        let tooOld = 0;
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
          const { brokenOffAt, mayHaveArrived, ...lead } = first;
          if (brokenOffAt !== null) insertTry.run(lead.id, brokenOffAt, now, 'unknown', brokenOff);
          if (lead.dueAt < notDueBefore) {
            dropTooOld.run(mayHaveArrived, lead.id);
            tooOld += 1;
            undecided += mayHaveArrived;
            continue;
          }
          claim.run(name, now + lease, mayHaveArrived, lead.id);
          leads.push({ ...lead, mayHaveArrived: mayHaveArrived === 1 });
        }
        return { leads, tooOld, undecided };
      });
    },

    renewLease(name, leadIds, lease) {
      return queue.write(() => {
        const end = Date.now() + lease;
        return leadIds.filter((id) => renew.run(end, id, name) > 0);
      });
    },

    recordTry(name, { leadId, startedAt, endedAt, outcome, answer }, nextTryAt) {
      return queue.write(() => {
        insertTry.run(leadId, startedAt, endedAt, outcome, answer);
        const isUnknown = Number(outcome === 'unknown');
        if (outcome === 'taken') dial.run(endedAt, leadId);
        else if (outcome === 'refused' || nextTryAt === undefined) fail.run(isUnknown, leadId, name);
        else pause.run(nextTryAt, isUnknown, leadId, name);
      });
    },
  };
}
