import { identifierBound } from '../../leads/identifier.ts';
import type { LeadState } from '../../leads/lead.ts';
import {
  type Activity,
  type ActivityCursor,
  type AttemptCount,
  activityLimit,
  countingDelay,
  countsByState,
  type FailedAttempt,
  maxRecentFailures,
  type QueueCount,
  type SubmissionCount,
  type Watch,
  type Workload,
  workloadOf,
} from '../watch.ts';
import type { SqlDatabase } from './database.ts';
import { isUnpaused } from './delivery-pauses.ts';
import { isUndecided } from './lead-order.ts';
import { statement } from './statement.ts';

/** What a store contributes to watching it. */
export interface WatchedStore {
  /** Returns the number of this process's calls that wait for the store. */
  waiting(): number;
  /** Called after the leads were counted. @param rows maximum number of rows of `lead_count` per state */
  onCounted?(rows: number): Promise<void>;
}

/** Watches a database. */
export function watch(database: SqlDatabase, store: WatchedStore): Watch {
  return {
    workload: () => workload(database, store),
    waiting: store.waiting,
    activity: (after) => activity(database, after),
  };
}

const leadCounts = statement<{ state: LeadState; count: number; rows: number }>(
  'lead_counts',
  'SELECT state, CAST(sum(count) AS bigint) AS count, count(*) AS rows FROM lead_count GROUP BY state',
);

const undecidedCount = statement<{ count: number }>(
  'undecided',
  `SELECT count(*) AS count FROM lead WHERE ${isUndecided}`,
);

const queueCounts = statement<QueueCount>(
  'queue_counts',
  `SELECT "isUnpaused", CAST(sum(due) AS bigint) AS due, min(next_attempt_at) AS "nextAttemptAt"
   FROM (
     SELECT ${isUnpaused} AS "isUnpaused",
       (SELECT count(*) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id AND next_attempt_at <= $1) AS due,
       (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS next_attempt_at
     FROM lead_type
   ) AS of_type GROUP BY "isUnpaused"`,
  { isUnpaused: true },
);

async function workload(database: SqlDatabase, store: WatchedStore): Promise<Workload> {
  const counts = await database.read(leadCounts);
  await store.onCounted?.(Math.max(0, ...counts.map(({ rows }) => rows)));
  const queue = await database.read(queueCounts, Date.now());
  const [undecided] = await database.read(undecidedCount);
  return { byState: countsByState(counts), undecided: undecided?.count ?? 0, ...workloadOf(queue) };
}

const submissionsSince = statement<SubmissionCount & { last: string }>(
  'submissions_since',
  `SELECT partner.name AS partner, outcome, count(*) AS count, max(sent.id) AS last
   FROM (SELECT id, partner_id, outcome FROM submission
     WHERE id > $1 AND id < $2 AND kind = 'add' ORDER BY id LIMIT $3) AS sent
   JOIN partner ON partner.id = sent.partner_id GROUP BY partner.name, outcome`,
);

const attemptsSince = statement<AttemptCount & { last: number }>(
  'attempts_since',
  `SELECT outcome, count(*) AS count, max(id) AS last
   FROM (SELECT id, outcome FROM attempt WHERE id > $1 ORDER BY id LIMIT $2) AS ended GROUP BY outcome`,
);

const failuresSince = statement<FailedAttempt>(
  'failures_since',
  `SELECT lead_id AS "leadId", ended_at AS "endedAt", outcome, response FROM attempt
   WHERE id > $1 AND id <= $2 AND outcome <> 'delivered' ORDER BY id DESC LIMIT $3`,
);

const lastAttempt = statement<{ id: number | null }>('last_attempt', 'SELECT max(id) AS id FROM attempt');

async function activity(database: SqlDatabase, after: ActivityCursor | undefined): Promise<Activity> {
  const countedUntil = identifierBound(Date.now() - countingDelay);
  const begin = after ?? { submission: countedUntil, attemptId: await firstAttemptToShow(database) };
  const sent = await database.read(submissionsSince, begin.submission, countedUntil, activityLimit);
  const ended = await database.read(attemptsSince, begin.attemptId, activityLimit);
  const attemptId = Math.max(begin.attemptId, ...ended.map(({ last }) => last));
  return {
    cursor: {
      submission: sent.reduce((latest, { last }) => (last > latest ? last : latest), begin.submission),
      attemptId,
    },
    submissions: sent.map(({ last: _, ...count }) => count),
    attempts: after === undefined ? [] : ended.map(({ last: _, ...count }) => count),
    failures: await database.read(failuresSince, begin.attemptId, attemptId, maxRecentFailures),
  };
}

async function firstAttemptToShow(database: SqlDatabase): Promise<number> {
  const [last] = await database.read(lastAttempt);
  return (last?.id ?? 0) - activityLimit;
}
