import type { DatabaseSync } from 'node:sqlite';
import type { DueLead, HandOff } from '../store.ts';
import type { CommitQueue } from './commit-queue.ts';
import { Query } from './query.ts';

const dueLead = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile,
    lead.accepted_at AS acceptedAt, lead.due_at AS dueAt, submission.content
  FROM lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id
  JOIN submission ON submission.id = lead.submission_id`;

const isFree = `state = 'scheduled' AND due_at <= ?1 AND (claimed_until IS NULL OR claimed_until <= ?1)`;

export function sqliteHandOff(database: DatabaseSync, queue: CommitQueue): HandOff {
  const free = new Query<DueLead>(
    database,
    `${dueLead} WHERE ${isFree} ORDER BY lead.due_at, lead.id LIMIT ?2`,
  );
  const claim = new Query<{ id: string }>(
    database,
    `UPDATE lead SET claim = ?3, claimed_until = ?4
     WHERE id IN (SELECT id FROM lead WHERE ${isFree} ORDER BY due_at, id LIMIT ?2)
     RETURNING id`,
  );
  const claimed = new Query<DueLead>(database, `${dueLead} WHERE lead.id = ?`);
  const dial = new Query(
    database,
    `UPDATE lead SET state = 'dialled', dialled_at = ?, claim = NULL, claimed_until = NULL
     WHERE id = ? AND claim = ? AND state = 'scheduled'`,
  );

  return {
    async *dueLeads(limit) {
      yield* free.each(Date.now(), limit);
    },

    claimDue(name, limit, lease) {
      return queue.write(() => {
        const now = Date.now();
        const ids = claim.all(now, limit, name, now + lease);
        return ids
          .flatMap(({ id }) => claimed.all(id))
          .sort((one, other) => one.dueAt - other.dueAt || (one.id < other.id ? -1 : 1));
      });
    },

    markDialled(name, ids) {
      return queue.write(() => {
        const now = Date.now();
        for (const id of ids) dial.run(now, id, name);
      });
    },
  };
}
