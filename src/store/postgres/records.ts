import { cancellationsOf, sentFor } from '../cancellation-queries.ts';
import { isUndecided } from '../lead-order.ts';
import { inPages } from '../pages.ts';
import type { Attempt, CancellationRecord, LeadRecord, Records, SubmissionRecord } from '../store.ts';
import type { PostgresDatabase, Statement } from './connection/database.ts';

const leadColumns = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile, lead.state,
    lead.accepted_at AS "acceptedAt", lead.due_at AS "dueAt", lead.dialled_at AS "dialledAt",
    lead.cancelled_at AS "cancelledAt", lead.attempts,
    (SELECT response FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1) AS "lastResponse",
    ${isUndecided} AS "isUndecided", lead.submission_id AS "submissionId"
  FROM lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id`;

const submissionColumns = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.outcome, submission.lead_id AS "leadId",
    submission.content,
    (SELECT coalesce(json_agg(json_build_object('rerunAt', rerun_at, 'outcome', outcome,
              'leadId', lead_id) ORDER BY id), '[]')
     FROM rerun WHERE submission_id = submission.id) AS reruns
  FROM submission
  JOIN partner ON partner.id = submission.partner_id`;

const lastOutcome = `coalesce(
  (SELECT outcome FROM rerun WHERE submission_id = submission.id ORDER BY id DESC LIMIT 1),
  submission.outcome)`;

const attempts: Statement = {
  name: 'tries',
  text: `
    SELECT lead_id AS "leadId", started_at AS "startedAt", ended_at AS "endedAt", outcome, response
    FROM attempt WHERE lead_id IN (SELECT id FROM lead WHERE mobile = $1) ORDER BY id`,
};

const cancellations: Statement = {
  name: 'cancellations',
  text: `${cancellationsOf} AND ${sentFor('$1')} ORDER BY submission.sequence DESC`,
};

export function postgresRecords(database: PostgresDatabase): Records {
  return {
    leads(filter, limit) {
      const wanted = {
        'lead.state': filter.state,
        'lead_type.name': filter.type,
        'partner.name': filter.partner,
        'lead.mobile': filter.mobile,
      };
      const others = filter.isUndecided ? [isUndecided] : [];
      return newestFirst<LeadRecord>(database, leadColumns, 'lead.id', { wanted, others }, limit);
    },

    submissions(filter, limit) {
      const wanted = {
        'submission.kind': 'add',
        [lastOutcome]: filter.outcome,
        'submission.mobile': filter.mobile,
      };
      return newestFirst<SubmissionRecord>(
        database,
        submissionColumns,
        'submission.id',
        { wanted, others: [] },
        limit,
      );
    },

    async *attempts(mobile) {
      yield* await database.read<Attempt>(attempts, [mobile]);
    },

    async *cancellations(mobile) {
      yield* await database.read<CancellationRecord>(cancellations, [mobile]);
    },
  };
}

/** Lists rows, the newest first. */
function newestFirst<Row extends { id: string }>(
  database: PostgresDatabase,
  columns: string,
  id: string,
  { wanted, others }: { wanted: Record<string, string | undefined>; others: readonly string[] },
  limit: number,
): AsyncGenerator<Row> {
  const conditions = ['true', ...others];
  const values: unknown[] = [];
  for (const [column, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    values.push(value);
    conditions.push(`${column} = $${values.length}`);
  }
  const from = `$${values.length + 1}::text`;
  const text = `${columns} WHERE ${conditions.join(' AND ')} AND (${from} IS NULL OR ${id} < ${from})
    ORDER BY ${id} DESC LIMIT $${values.length + 2}`;
  // Without a name: which statement it is depends on the filter.
  return inPages<Row>(limit, (last, size) =>
    database.read({ name: '', text }, [...values, last?.id ?? null, size]),
  );
}
