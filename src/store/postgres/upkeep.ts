import { identifierBound } from '../../leads/identifier.ts';
import { Mistake } from '../../partners/partner.ts';
import { stepSize } from '../prune.ts';
import type { Upkeep } from '../store.ts';
import type { PostgresDatabase } from './database.ts';
import { isCurrent, writeStatement } from './schema-version.ts';

/** The leads of a submission or cancellation: the one that it made or met, and those of its replays. */
const leadsOf = `
  SELECT submission.lead_id UNION ALL SELECT lead_id FROM replay WHERE submission_id = submission.id`;

const forgetAnswers = writeStatement(
  'forget_answers',
  `
    DELETE FROM kept_answer WHERE (partner_id, idempotency_key) IN (
      SELECT partner_id, idempotency_key FROM kept_answer WHERE kept_at < $1
      ORDER BY kept_at LIMIT $2 FOR UPDATE SKIP LOCKED)
      AND ${isCurrent}
    RETURNING 1`,
);

export function postgresUpkeep(database: PostgresDatabase): Upkeep {
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
        await run('DELETE FROM replay WHERE submission_id = ANY ($1::text[])', [ids]);
        const sent = await run<{ kind: 'add' | 'cancel' }>(
          'DELETE FROM submission WHERE id = ANY ($1::text[]) RETURNING kind',
          [ids],
        );
        const cancellations = sent.filter(({ kind }) => kind === 'cancel').length;
        const tries = await run(
          `DELETE FROM try USING lead
           WHERE try.lead_id = ANY ($1::text[]) AND lead.id = try.lead_id
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
           RETURNING 1`,
          [leads],
        );
        const removed = await run(
          `DELETE FROM lead WHERE id = ANY ($1::text[]) AND released <> 0
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
             AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.lead_id = lead.id)
             AND NOT EXISTS (SELECT 1 FROM replay WHERE replay.lead_id = lead.id)
           RETURNING 1`,
          [leads],
        );
        const next = rows.length < stepSize ? undefined : rows.at(-1)?.id;
        return {
          submissions: sent.length - cancellations,
          cancellations,
          leads: removed.length,
          tries: tries.length,
          next,
        };
      });
    },

    async forgetAnswers(before) {
      const rows = await database.write(forgetAnswers, [before, stepSize]);
      return rows.length;
    },

    // PostgreSQL's autovacuum does both (docs/operating.md, Removing what is old).
    shrink: async () => false,
    erase: async () => undefined,

    async compact() {
      throw new Mistake('A store in PostgreSQL is compacted by PostgreSQL’s own means, such as VACUUM FULL.');
    },

    async backup() {
      throw new Mistake(
        'A store in PostgreSQL is backed up by PostgreSQL’s own means, such as pg_dump: docs/operating.md says how.',
      );
    },
  };
}
