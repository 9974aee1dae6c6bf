import { UserError } from '../../errors/user-error.ts';
import { identifierBound } from '../../leads/identifier.ts';
import { stepSize } from '../prune.ts';
import type { Maintenance } from '../store.ts';
import type { PostgresDatabase } from './connection/database.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';

/** The leads of a submission or cancellation: the one that it made or met, and those of its replays. */
const leadsOf = `
  SELECT submission.lead_id UNION ALL SELECT lead_id FROM rerun WHERE submission_id = submission.id`;

const deleteIdempotencyRecords = writeStatement(
  'forget_answers',
  `
    DELETE FROM idempotency_record WHERE (partner_id, idempotency_key) IN (
      SELECT partner_id, idempotency_key FROM idempotency_record WHERE recorded_at < $1
      ORDER BY recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED)
      AND ${isCurrent}
    RETURNING 1`,
);

export function postgresMaintenance(database: PostgresDatabase): Maintenance {
  return {
    prune(before, after) {
      return database.transaction(async (run) => {
        const rows = await run<{ id: string; isNeeded: boolean }>(
          `SELECT id, EXISTS (
             SELECT 1 FROM lead WHERE lead.id IN (${leadsOf})
               AND (lead.submission_id = submission.id OR submission.kind = 'cancel')
               AND lead.state IN ('scheduled', 'failed')
           ) AS "isNeeded"
           FROM submission WHERE id > $1 AND id < $2 AND received_at < $3 ORDER BY id LIMIT $4`,
          [after, identifierBound(before), before, stepSize],
        );
        const ids = rows.filter(({ isNeeded }) => !isNeeded).map(({ id }) => id);
        const met = await run<{ id: string }>(
          `SELECT DISTINCT lead.id FROM submission CROSS JOIN LATERAL (${leadsOf}) AS met (id)
           JOIN lead ON lead.id = met.id WHERE submission.id = ANY ($1::text[])`,
          [ids],
        );
        const leads = met.map(({ id }) => id);
        await run('DELETE FROM rerun WHERE submission_id = ANY ($1::text[])', [ids]);
        const sent = await run<{ kind: 'add' | 'cancel' }>(
          'DELETE FROM submission WHERE id = ANY ($1::text[]) RETURNING kind',
          [ids],
        );
        const cancellations = sent.filter(({ kind }) => kind === 'cancel').length;
        const attempts = await run(
          `DELETE FROM attempt USING lead
           WHERE attempt.lead_id = ANY ($1::text[]) AND lead.id = attempt.lead_id
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
           RETURNING 1`,
          [leads],
        );
        const removed = await run(
          `DELETE FROM lead WHERE id = ANY ($1::text[]) AND ended_order <> 0
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.lead_id = lead.id)
             AND NOT EXISTS (SELECT 1 FROM rerun WHERE rerun.lead_id = lead.id)
           RETURNING 1`,
          [leads],
        );
        const next = rows.length < stepSize ? undefined : rows.at(-1)?.id;
        return {
          submissions: sent.length - cancellations,
          cancellations,
          leads: removed.length,
          attempts: attempts.length,
          next,
        };
      });
    },

    async deleteIdempotencyRecords(before) {
      const rows = await database.write(deleteIdempotencyRecords, [before, stepSize]);
      return rows.length;
    },

    // PostgreSQL's autovacuum does both (docs/operating/data-retention.md).
    shrink: async () => false,
    erase: async () => undefined,

    async compact() {
      throw new UserError(
        'A store in PostgreSQL is compacted by PostgreSQL’s own means, such as VACUUM FULL.',
      );
    },

    async backup() {
      throw new UserError(
        'A store in PostgreSQL is backed up by PostgreSQL’s own means, such as pg_dump: docs/operating/backup-and-restore.md says how.',
      );
    },
  };
}
