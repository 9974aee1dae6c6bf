import type { DatabaseSync } from 'node:sqlite';
import { inPages } from '../pages.ts';
import type { ClaimedLead, DueLead, HandOff } from '../store.ts';
import type { CommitQueue } from './commit-queue.ts';
import { Query } from './query.ts';

const dueLeadColumns = `
  lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile,
  lead.accepted_at AS acceptedAt, lead.due_at AS dueAt, submission.content`;

const dueLeadTables = `
  lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id
  JOIN submission ON submission.id = lead.submission_id`;

const isFree = `lead.state = 'scheduled' AND lead.next_try_at <= ?1`;

/** Said of a try whose dispatcher was killed, or whose machine stopped, before it could say more. */
const brokenOff = 'no answer was recorded before the lease ended';

export function sqliteHandOff(database: DatabaseSync, queue: CommitQueue): HandOff {
  const free = new Query<DueLead & { nextTryAt: number }>(
    database,
    `SELECT ${dueLeadColumns}, lead.next_try_at AS nextTryAt FROM ${dueLeadTables}
     WHERE ${isFree} AND (lead.next_try_at, lead.id) > (?2, ?3)
     ORDER BY lead.next_try_at, lead.id LIMIT ?4`,
  );
  const freeToClaim = new Query<
    Omit<ClaimedLead, 'mayHaveArrived'> & { mayHaveArrived: number; brokenOffAt: number | null }
  >(
    database,
    `SELECT ${dueLeadColumns}, lead.tries + 1 AS tries,
       lead.may_have_arrived OR lead.claim IS NOT NULL AS mayHaveArrived,
       iif(lead.claim IS NULL, NULL, lead.next_try_at) AS brokenOffAt, lead.trace
     FROM ${dueLeadTables}
     WHERE ${isFree} ORDER BY lead.next_try_at, lead.id LIMIT ?2`,
  );
  const next = new Query<{ at: number | null }>(
    database,
    `SELECT min(next_try_at) AS at FROM lead WHERE state = 'scheduled'`,
  );
  const claim = new Query(
    database,
    `UPDATE lead SET claim = ?, next_try_at = ?, tries = tries + 1, may_have_arrived = ? WHERE id = ?`,
  );
  const dropTooOld = new Query(
    database,
    `UPDATE lead SET claim = NULL, released = id, may_have_arrived = ?1, state = iif(?1, 'failed', 'expired')
     WHERE id = ?2`,
  );
  const insertTry = new Query(
    database,
    'INSERT INTO try (lead_id, started_at, ended_at, outcome, answer) VALUES (?, ?, ?, ?, ?)',
  );
  const dial = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = ?, claim = NULL WHERE id = ? AND state = 'scheduled'`,
  );
  const pause = new Query(
    database,
    `UPDATE lead SET claim = NULL, next_try_at = ?, may_have_arrived = may_have_arrived OR ?
     WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );
  const fail = new Query(
    database,
    `UPDATE lead SET state = 'failed', released = id, claim = NULL, may_have_arrived = may_have_arrived OR ?
     WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );

  return {
    async *dueLeads(limit) {
      const now = Date.now();
      const rows = inPages<DueLead & { nextTryAt: number }>(limit, (last, size) =>
        free.all(now, last?.nextTryAt ?? 0, last?.id ?? '', size),
      );
      for await (const { nextTryAt: _, ...lead } of rows) yield lead;
    },

    async nextTryAt() {
      return next.first()?.at ?? undefined;
    },

    onChange(wake) {
      return queue.onCommit(wake);
    },

    claimDue({ claim: name, limit, lease, notDueBefore }) {
      return queue.write(() => {
        const now = Date.now();
        const leads: ClaimedLead[] = [];
        let tooOld = 0;
        for (const { brokenOffAt, mayHaveArrived, ...lead } of freeToClaim.all(now, limit)) {
          if (brokenOffAt !== null) insertTry.run(lead.id, brokenOffAt, now, 'unknown', brokenOff);
          if (lead.dueAt < notDueBefore) {
            dropTooOld.run(mayHaveArrived, lead.id);
            tooOld += 1;
            continue;
          }
          claim.run(name, now + lease, mayHaveArrived, lead.id);
          leads.push({ ...lead, mayHaveArrived: mayHaveArrived === 1 });
        }
        return { leads, tooOld };
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
