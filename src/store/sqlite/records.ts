import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { cancellationsOf, sentFor } from '../cancellation-queries.ts';
import { isUndecided } from '../lead-order.ts';
import { inPages } from '../pages.ts';
import type {
  Attempt,
  CancellationRecord,
  LeadRecord,
  Records,
  RerunRecord,
  SubmissionRecord,
} from '../store.ts';
import { Query } from './query.ts';

const leadColumns = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile, lead.state,
    lead.accepted_at AS acceptedAt, lead.due_at AS dueAt, lead.dialled_at AS dialledAt,
    lead.cancelled_at AS cancelledAt, lead.attempts,
    (SELECT response FROM attempt WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1) AS lastResponse,
    ${isUndecided} AS isUndecided, lead.submission_id AS submissionId
  FROM lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id`;

const submissionColumns = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS receivedAt, submission.outcome, submission.lead_id AS leadId,
    submission.content
  FROM submission
  JOIN partner ON partner.id = submission.partner_id`;

const lastOutcome = `coalesce(
  (SELECT outcome FROM rerun WHERE submission_id = submission.id ORDER BY id DESC LIMIT 1),
  submission.outcome)`;

export function sqliteRecords(database: DatabaseSync): Records {
  const reruns = new Query<RerunRecord>(
    database,
    `SELECT rerun_at AS rerunAt, outcome, lead_id AS leadId FROM rerun
     WHERE submission_id = ? ORDER BY id`,
  );
  const cancellations = new Query<CancellationRecord>(
    database,
    `${cancellationsOf} AND ${sentFor('?1')} ORDER BY submission.sequence DESC`,
  );
  const attempts = new Query<Attempt>(
    database,
    `SELECT lead_id AS leadId, started_at AS startedAt, ended_at AS endedAt, outcome, response
     FROM attempt WHERE lead_id IN (SELECT id FROM lead WHERE mobile = ?) ORDER BY id`,
  );
  return {
    leads(filter, limit) {
      const wanted = {
        'lead.state': filter.state,
        'lead_type.name': filter.type,
        'partner.name': filter.partner,
        'lead.mobile': filter.mobile,
      };
      const { where, values } = conditions(wanted, filter.isUndecided ? [isUndecided] : []);
      const page = new Query<Omit<LeadRecord, 'isUndecided'> & { isUndecided: number }>(
        database,
        `${leadColumns} ${where} AND lead.id < ? ORDER BY lead.id DESC LIMIT ?`,
      );
      return inPages<LeadRecord>(limit, (last, size) =>
        page
          .all(...values, last?.id ?? afterAllIds, size)
          .map((row) => ({ ...row, isUndecided: row.isUndecided === 1 })),
      );
    },

    submissions(filter, limit) {
      const { where, values } = conditions({
        'submission.kind': 'add',
        [lastOutcome]: filter.outcome,
        'submission.mobile': filter.mobile,
      });
      const page = new Query<Omit<SubmissionRecord, 'replays'>>(
        database,
        `${submissionColumns} ${where} AND submission.id < ? ORDER BY submission.id DESC LIMIT ?`,
      );
      return inPages<SubmissionRecord>(limit, (last, size) =>
        page
          .all(...values, last?.id ?? afterAllIds, size)
          .map((row) => ({ ...row, reruns: reruns.all(row.id) })),
      );
    },

    async *cancellations(mobile) {
      yield* cancellations.all(mobile);
    },

    async *attempts(mobile) {
      yield* attempts.all(mobile);
    },
  };
}

/** Sorts after every id. */
const afterAllIds = '~';

/** A WHERE clause of those columns for which a value is wanted and of other conditions, and the values in its order. */
function conditions(
  wanted: Record<string, SQLInputValue | undefined>,
  others: readonly string[] = [],
): { where: string; values: SQLInputValue[] } {
  const all = ['true', ...others];
  const values: SQLInputValue[] = [];
  for (const [column, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    all.push(`${column} = ?`);
    values.push(value);
  }
  return { where: `WHERE ${all.join(' AND ')}`, values };
}
