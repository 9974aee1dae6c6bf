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
import type { PostgresDatabase, Statement } from './connection/database.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';
import { isOpen } from './delivery-pause.ts';

/** Where there are more changes than this, they are added up for good. */
const maxUnmergedCounts = 500;

const counts: Statement = {
  name: 'lead_counts',
  text: 'SELECT state, sum(count)::bigint AS count, count(*) AS changes FROM lead_count GROUP BY state',
};

/** Of two that add up at once the second finds nothing left to do. */
const addUp = writeStatement(
  'add_up_lead_counts',
  `
    WITH changes AS (DELETE FROM lead_count RETURNING state, count)
    INSERT INTO lead_count (state, count) SELECT state, sum(count) FROM changes WHERE ${isCurrent} GROUP BY state`,
);

const line: Statement = {
  name: 'line',
  text: `
    SELECT "isOpen", sum(due)::bigint AS due, min(next_attempt_at) AS "nextAttemptAt"
    FROM (
      SELECT ${isOpen} AS "isOpen",
        (SELECT count(*) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id AND next_attempt_at <= $1) AS due,
        (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS next_attempt_at
      FROM lead_type
    ) AS of_type GROUP BY "isOpen"`,
};

const undecided: Statement = {
  name: 'undecided',
  text: `SELECT count(*) AS undecided FROM lead WHERE ${isUndecided}`,
};

const submissions: Statement = {
  name: 'submissions_since',
  text: `
    SELECT partner.name AS partner, outcome, count(*) AS count, max(sent.id COLLATE "C") AS last
    FROM (SELECT id, partner_id, outcome FROM submission
      WHERE id > $1 AND id < $2 AND kind = 'add' ORDER BY id LIMIT $3) AS sent
    JOIN partner ON partner.id = sent.partner_id GROUP BY partner.name, outcome`,
};

const attempts: Statement = {
  name: 'tries_since',
  text: `
    SELECT outcome, count(*) AS count, max(id) AS last
    FROM (SELECT id, outcome FROM attempt WHERE id > $1 ORDER BY id LIMIT $2) AS inserted GROUP BY outcome`,
};

const failures: Statement = {
  name: 'failures_since',
  text: `
    SELECT lead_id AS "leadId", ended_at AS "endedAt", outcome, response FROM attempt
    WHERE id > $1 AND id <= $2 AND outcome <> 'delivered' ORDER BY id DESC LIMIT $3`,
};

const lastAttempt: Statement = { name: 'last_try', text: 'SELECT max(id) AS last FROM attempt' };

export function postgresWatch(database: PostgresDatabase, waiting: () => number): Watch {
  return {
    async workload() {
      const rows = await database.read<{ state: LeadState; count: number; changes: number }>(counts);
      if (rows.some(({ changes }) => changes > maxUnmergedCounts)) await database.write(addUp);
      const inLine = await database.read<QueueCount>(line, [Date.now()]);
      const [decisions] = await database.read<{ undecided: number }>(undecided);
      return {
        byState: countsByState(rows),
        undecided: decisions?.undecided ?? 0,
        ...workloadOf(inLine),
      };
    },

    waiting,

    async activity(after): Promise<Activity> {
      const settled = identifierBound(Date.now() - settlingTime);
      const begin = after ?? {
        submission: settled,
        attemptId:
          ((await database.read<{ last: number | null }>(lastAttempt))[0]?.last ?? 0) - activityLimit,
      };
      type Sent = SubmissionCount & { last: string };
      const sent = await database.read<Sent>(submissions, [begin.submission, settled, activityLimit]);
      const made = await database.read<AttemptCount & { last: number }>(attempts, [
        begin.attemptId,
        activityLimit,
      ]);
      const attemptId = Math.max(begin.attemptId, ...made.map(({ last }) => last));
      return {
        cursor: {
          submission: sent.reduce((most, { last }) => (last > most ? last : most), begin.submission),
          attemptId,
        },
        submissions: sent.map(({ partner, outcome, count }) => ({ partner, outcome, count })),
        attempts: after === undefined ? [] : made.map(({ outcome, count }) => ({ outcome, count })),
        failures: await database.read<FailedAttempt>(failures, [
          begin.attemptId,
          attemptId,
          maxRecentFailures,
        ]),
      };
    },
  };
}
