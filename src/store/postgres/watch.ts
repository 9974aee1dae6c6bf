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
import type { PostgresDatabase, Statement } from './database.ts';
import { isOpen } from './delivery-pause.ts';
import { isCurrent, writeStatement } from './schema-version.ts';

/** Where there are more changes than this, they are added up for good. */
const mostChanges = 500;

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
    SELECT "isOpen", sum(due)::bigint AS due, min(next_try_at) AS "nextTryAt"
    FROM (
      SELECT ${isOpen} AS "isOpen",
        (SELECT count(*) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id AND next_try_at <= $1) AS due,
        (SELECT min(next_try_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS next_try_at
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

const tries: Statement = {
  name: 'tries_since',
  text: `
    SELECT outcome, count(*) AS count, max(id) AS last
    FROM (SELECT id, outcome FROM try WHERE id > $1 ORDER BY id LIMIT $2) AS made GROUP BY outcome`,
};

const failures: Statement = {
  name: 'failures_since',
  text: `
    SELECT lead_id AS "leadId", ended_at AS "endedAt", outcome, answer FROM try
    WHERE id > $1 AND id <= $2 AND outcome <> 'taken' ORDER BY id DESC LIMIT $3`,
};

const lastTry: Statement = { name: 'last_try', text: 'SELECT max(id) AS last FROM try' };

export function postgresWatch(database: PostgresDatabase, waiting: () => number): Watch {
  return {
    async workload() {
      const rows = await database.read<{ state: LeadState; count: number; changes: number }>(counts);
      if (rows.some(({ changes }) => changes > mostChanges)) await database.write(addUp);
      const inLine = await database.read<LineCount>(line, [Date.now()]);
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
        tryId: ((await database.read<{ last: number | null }>(lastTry))[0]?.last ?? 0) - activityLimit,
      };
      type Sent = SubmissionCount & { last: string };
      const sent = await database.read<Sent>(submissions, [begin.submission, settled, activityLimit]);
      const made = await database.read<TryCount & { last: number }>(tries, [begin.tryId, activityLimit]);
      const tryId = Math.max(begin.tryId, ...made.map(({ last }) => last));
      return {
        cursor: {
          submission: sent.reduce((most, { last }) => (last > most ? last : most), begin.submission),
          tryId,
        },
        submissions: sent.map(({ partner, outcome, count }) => ({ partner, outcome, count })),
        tries: after === undefined ? [] : made.map(({ outcome, count }) => ({ outcome, count })),
        failures: await database.read<FailedTry>(failures, [begin.tryId, tryId, failuresTold]),
      };
    },
  };
}
