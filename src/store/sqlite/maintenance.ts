import type { DatabaseSync } from 'node:sqlite';
import { identifierBound } from '../../leads/identifier.ts';
import { stepSize } from '../prune.ts';
import type { Maintenance } from '../store.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { backUp } from './file/backup.ts';
import { compact } from './file/compaction.ts';
import { stopWaitingForLocks, waitForLocks } from './file/database.ts';
import { Query } from './query.ts';

/** The leads of a submission or cancellation: the one that it made or met, and those of its replays. */
const leadsOf = `
  SELECT submission.lead_id UNION ALL SELECT lead_id FROM rerun WHERE submission_id = submission.id`;

export function sqliteMaintenance(
  database: DatabaseSync,
  queue: CommitQueue,
): Omit<Maintenance, 'shrink' | 'erase'> {
  const looked = new Query<{ id: string; kind: 'add' | 'cancel'; isNeeded: number }>(
    database,
    `SELECT id, kind, EXISTS (
       SELECT 1 FROM lead WHERE lead.id IN (${leadsOf})
         AND (lead.submission_id = submission.id OR submission.kind = 'cancel')
         AND lead.state IN ('scheduled', 'failed')
     ) AS isNeeded
     FROM submission WHERE id > ?1 AND id < ?2 AND received_at < ?3 ORDER BY id LIMIT ?4`,
  );
  const metLeads = new Query<{ id: string }>(
    database,
    `SELECT DISTINCT lead.id FROM submission JOIN lead ON lead.id IN (${leadsOf})
     WHERE submission.id IN (SELECT value FROM json_each(?))`,
  );
  const deleteReruns = new Query(
    database,
    'DELETE FROM rerun WHERE submission_id IN (SELECT value FROM json_each(?))',
  );
  const deleteSubmissions = new Query(
    database,
    'DELETE FROM submission WHERE id IN (SELECT value FROM json_each(?))',
  );
  const deleteAttempts = new Query(
    database,
    `DELETE FROM attempt WHERE lead_id IN (
       SELECT lead.id FROM lead WHERE lead.id IN (SELECT value FROM json_each(?))
         AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id))`,
  );
  const deleteLeads = new Query(
    database,
    `DELETE FROM lead WHERE id IN (SELECT value FROM json_each(?)) AND ended_order <> 0
       AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
       AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.lead_id = lead.id)
       AND NOT EXISTS (SELECT 1 FROM rerun WHERE rerun.lead_id = lead.id)`,
  );

  const deleteRecords = new Query(
    database,
    `DELETE FROM idempotency_record WHERE (partner_id, idempotency_key) IN (
       SELECT partner_id, idempotency_key FROM idempotency_record WHERE recorded_at < ? ORDER BY recorded_at LIMIT ?)`,
  );

  return {
    prune(before, after) {
      return queue.write(() => {
        const rows = looked.all(after, identifierBound(before), before, stepSize);
        const old = rows.filter(({ isNeeded }) => !isNeeded);
        const ids = JSON.stringify(old.map(({ id }) => id));
        const leads = JSON.stringify(metLeads.all(ids).map(({ id }) => id));
        deleteReruns.run(ids);
        deleteSubmissions.run(ids);
        const cancellations = old.filter(({ kind }) => kind === 'cancel').length;
        const submissions = old.length - cancellations;
        const attempts = deleteAttempts.run(leads);
        const next = rows.length < stepSize ? undefined : rows.at(-1)?.id;
        return { submissions, cancellations, leads: deleteLeads.run(leads), attempts, next };
      });
    },

    deleteIdempotencyRecords(before) {
      return queue.write(() => deleteRecords.run(before, stepSize));
    },

    backup: (file) => backUp(database, file),

    async compact() {
      await queue.idle();
      waitForLocks(database);
      compact(database);
      stopWaitingForLocks(database);
    },
  };
}
