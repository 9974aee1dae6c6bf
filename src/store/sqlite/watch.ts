import type { DatabaseSync } from 'node:sqlite';
import { identifierBound } from '../../leads/identifier.ts';
import type { LeadState } from '../../leads/lead.ts';
import { isUndecided } from '../lead-order.ts';
import {
  type Activity,
  type AttemptCount,
  activityLimit,
  countsByState,
  type FailedAttempt,
  maxRecentFailures,
  type QueueCount,
  type SubmissionCount,
  settlingTime,
  type Watch,
  workloadOf,
} from '../watch.ts';
import { isOpen } from './delivery-pause.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

export function sqliteWatch(database: DatabaseSync, queue: CommitQueue): Watch {
  const counts = new Query<{ state: LeadState; count: number }>(
    database,
    'SELECT state, count FROM lead_count',
  );
  const line = new Query<QueueCount>(
    database,
    `SELECT ${isOpen} AS isOpen,
       sum((SELECT count(*) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id AND next_attempt_at <= ?))
         AS due,
       min((SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id)) AS nextAttemptAt
     FROM lead_type GROUP BY 1`,
  );
  const undecided = new Query<{ count: number }>(
    database,
    `SELECT count(*) AS count FROM lead WHERE ${isUndecided}`,
  );
  const submissions = new Query<SubmissionCount & { last: string }>(
    database,
    `SELECT partner.name AS partner, outcome, count(*) AS count, max(sent.id) AS last
     FROM (SELECT id, partner_id, outcome FROM submission WHERE id > ? AND id < ? AND kind = 'add' ORDER BY id LIMIT ?) AS sent
     JOIN partner ON partner.id = sent.partner_id GROUP BY partner.name, outcome`,
  );
  const attempts = new Query<AttemptCount & { last: number }>(
    database,
    `SELECT outcome, count(*) AS count, max(id) AS last
     FROM (SELECT id, outcome FROM attempt WHERE id > ? ORDER BY id LIMIT ?) GROUP BY outcome`,
  );
  const failures = new Query<FailedAttempt>(
    database,
    `SELECT lead_id AS leadId, ended_at AS endedAt, outcome, response FROM attempt
     WHERE id > ? AND id <= ? AND outcome <> 'delivered' ORDER BY id DESC LIMIT ?`,
  );
  const lastAttempt = new Query<{ last: number | null }>(database, 'SELECT max(id) AS last FROM attempt');

  return {
    async workload() {
      return {
        byState: countsByState(counts.all()),
        undecided: undecided.first()?.count ?? 0,
        ...workloadOf(line.all(Date.now())),
      };
    },

    waiting: () => queue.waiting,

    async activity(after): Promise<Activity> {
      const settled = identifierBound(Date.now() - settlingTime);
      const begin = after ?? {
        submission: settled,
        attemptId: (lastAttempt.first()?.last ?? 0) - activityLimit,
      };
      const sent = submissions.all(begin.submission, settled, activityLimit);
      const made = attempts.all(begin.attemptId, activityLimit);
      const attemptId = Math.max(begin.attemptId, ...made.map(({ last }) => last));
      return {
        cursor: { submission: maxOf(begin.submission, sent), attemptId },
        submissions: sent.map(({ partner, outcome, count }) => ({ partner, outcome, count })),
        attempts: after === undefined ? [] : made.map(({ outcome, count }) => ({ outcome, count })),
        failures: failures.all(begin.attemptId, attemptId, maxRecentFailures),
      };
    },
  };
}

function maxOf(least: string, rows: readonly { last: string }[]): string {
  return rows.reduce((most, { last }) => (last > most ? last : most), least);
}
