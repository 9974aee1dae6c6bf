import type { DatabaseSync } from 'node:sqlite';
import { identifierBound } from '../../leads/identifier.ts';
import type { LeadState } from '../../leads/lead.ts';
import { isUndecided } from '../lead-order.ts';
import {
  type Activity,
  activityLimit,
  countsByState,
  type FailedTry,
  failuresTold,
  type LineCount,
  type SubmissionCount,
  settlingTime,
  type TryCount,
  type Watch,
  workloadOf,
} from '../watch.ts';
import type { CommitQueue } from './commit-queue.ts';
import { isOpen } from './delivery-pause.ts';
import { Query } from './query.ts';

export function sqliteWatch(database: DatabaseSync, queue: CommitQueue): Watch {
  const counts = new Query<{ state: LeadState; count: number }>(
    database,
    'SELECT state, count FROM lead_count',
  );
  const line = new Query<LineCount>(
    database,
    `SELECT ${isOpen} AS isOpen,
       sum((SELECT count(*) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id AND next_try_at <= ?))
         AS due,
       min((SELECT min(next_try_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id)) AS nextTryAt
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
  const tries = new Query<TryCount & { last: number }>(
    database,
    `SELECT outcome, count(*) AS count, max(id) AS last
     FROM (SELECT id, outcome FROM try WHERE id > ? ORDER BY id LIMIT ?) GROUP BY outcome`,
  );
  const failures = new Query<FailedTry>(
    database,
    `SELECT lead_id AS leadId, ended_at AS endedAt, outcome, answer FROM try
     WHERE id > ? AND id <= ? AND outcome <> 'taken' ORDER BY id DESC LIMIT ?`,
  );
  const lastTry = new Query<{ last: number | null }>(database, 'SELECT max(id) AS last FROM try');

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
        tryId: (lastTry.first()?.last ?? 0) - activityLimit,
      };
      const sent = submissions.all(begin.submission, settled, activityLimit);
      const made = tries.all(begin.tryId, activityLimit);
      const tryId = Math.max(begin.tryId, ...made.map(({ last }) => last));
      return {
        cursor: { submission: maxOf(begin.submission, sent), tryId },
        submissions: sent.map(({ partner, outcome, count }) => ({ partner, outcome, count })),
        tries: after === undefined ? [] : made.map(({ outcome, count }) => ({ outcome, count })),
        failures: failures.all(begin.tryId, tryId, failuresTold),
      };
    },
  };
}

function maxOf(least: string, rows: readonly { last: string }[]): string {
  return rows.reduce((most, { last }) => (last > most ? last : most), least);
}
