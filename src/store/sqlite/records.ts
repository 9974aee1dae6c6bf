import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { LeadState } from '../../leads/lead.ts';
import type { Submission } from '../../leads/submission.ts';
import { mistakes, retryMistake } from '../mistakes.ts';
import { inPages } from '../pages.ts';
import type { LeadRecord, Records, ReplayRecord, SubmissionRecord, Try } from '../store.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Take } from './intake.ts';
import { Query } from './query.ts';

const leadColumns = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile, lead.state,
    lead.accepted_at AS acceptedAt, lead.due_at AS dueAt, lead.dialled_at AS dialledAt,
    lead.cancelled_at AS cancelledAt, lead.tries,
    (SELECT answer FROM try WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1) AS lastAnswer,
    lead.submission_id AS submissionId
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
  (SELECT outcome FROM replay WHERE submission_id = submission.id ORDER BY id DESC LIMIT 1),
  submission.outcome)`;

export function sqliteRecords(database: DatabaseSync, queue: CommitQueue, take: Take): Records {
  const replays = new Query<ReplayRecord>(
    database,
    `SELECT replayed_at AS replayedAt, outcome, lead_id AS leadId FROM replay
     WHERE submission_id = ? ORDER BY id`,
  );
  const submission = new Query<Submission>(
    database,
    `SELECT id, partner_id AS partnerId, received_at AS receivedAt, type, mobile, delays, content
     FROM submission WHERE id = ?`,
  );
  const insertReplay = new Query(
    database,
    'INSERT INTO replay (submission_id, replayed_at, outcome, lead_id) VALUES (?, ?, ?, ?)',
  );

  const tries = new Query<Try>(
    database,
    `SELECT lead_id AS leadId, started_at AS startedAt, ended_at AS endedAt, outcome, answer
     FROM try WHERE lead_id IN (SELECT id FROM lead WHERE mobile = ?) ORDER BY id`,
  );
  const leadToRetry = new Query<{ state: LeadState; newerId: string | null }>(
    database,
    `SELECT state, (SELECT max(newer.id) FROM lead AS newer WHERE newer.mobile = lead.mobile
       AND newer.type_id = lead.type_id AND newer.id > lead.id) AS newerId
     FROM lead WHERE id = ?`,
  );
  const retry = new Query(
    database,
    `UPDATE lead SET state = 'scheduled', released = '', tries = 0, due_at = ?1, next_try_at = ?1
     WHERE id = ?2`,
  );

  return {
    leads(filter, limit) {
      const { where, values } = conditions({
        'lead.state': filter.state,
        'lead_type.name': filter.type,
        'partner.name': filter.partner,
        'lead.mobile': filter.mobile,
      });
      const page = new Query<LeadRecord>(
        database,
        `${leadColumns} ${where} AND lead.id < ? ORDER BY lead.id DESC LIMIT ?`,
      );
      return inPages(limit, (last, size) => page.all(...values, last?.id ?? afterAllIds, size));
    },

    submissions(filter, limit) {
      const { where, values } = conditions({
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
          .map((row) => ({ ...row, replays: replays.all(row.id) })),
      );
    },

    replay(id) {
      return queue.write(() => {
        const saved = submission.first(id);
        if (saved === undefined) {
          throw mistakes.noSubmission(id);
        }
        const { outcome, leadId } = take(saved);
        const replay = { replayedAt: Date.now(), outcome, leadId };
        insertReplay.run(id, replay.replayedAt, outcome, leadId);
        return replay;
      });
    },

    async *tries(mobile) {
      yield* tries.all(mobile);
    },

    retry(id) {
      return queue.write(() => {
        const lead = leadToRetry.first(id);
        if (lead === undefined) throw mistakes.noLead(id);
        const mistake = retryMistake(id, lead.state, lead.newerId);
        if (mistake !== undefined) throw mistake;
        retry.run(Date.now(), id);
      });
    },
  };
}

/** Sorts after every id. */
const afterAllIds = '~';

/** A WHERE clause of those columns for which a value is wanted, and the values in its order. */
function conditions(wanted: Record<string, SQLInputValue | undefined>): {
  where: string;
  values: SQLInputValue[];
} {
  const columns: string[] = [];
  const values: SQLInputValue[] = [];
  for (const [column, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    columns.push(`${column} = ?`);
    values.push(value);
  }
  return { where: `WHERE ${['true', ...columns].join(' AND ')}`, values };
}
