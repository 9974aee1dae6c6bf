import { identifierBound } from '../../leads/identifier.ts';
import type { LeadState } from '../../leads/lead.ts';
import {
  type Activity,
  type ActivityCursor,
  type AttemptCount,
  activityLimit,
  countsByState,
  type FailedAttempt,
  type LeadStats,
  maxRecentFailures,
  type NotPermittedCount,
  type QueueCount,
  queueStatsOf,
  type SubmissionCount,
  submissionSettleTime,
  unsettledAttempts,
  type Watch,
} from '../watch.ts';
import type { SqlDatabase } from './database.ts';
import { isUnpaused } from './delivery-pauses.ts';
import { isBetweenAttempts, isUndecided } from './lead-state.ts';
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
    leadStats: () => leadStats(database, store),
    waiting: store.waiting,
    activity: (after) => activity(database, after),
  };
}

const leadCounts = statement<{ state: LeadState; count: number; rows: number }>(
  'lead_counts',
  'SELECT state, CAST(sum(count) AS bigint) AS count, count(*) AS rows FROM lead_count GROUP BY state',
);

const notPermittedCounts = statement<NotPermittedCount>(
  'not_permitted_counts',
  `SELECT waits_for AS "waitsFor", count(*) AS count FROM lead
   WHERE state = 'scheduled' AND waits_for IS NOT NULL AND next_attempt_at > $1
   GROUP BY waits_for ORDER BY waits_for`,
);

const undecidedCount = statement<{ count: number }>(
  'undecided',
  `SELECT count(*) AS count FROM lead WHERE ${isUndecided}`,
);

/** The leads of `lead_type` that wait for a retry. */
const waitingOfType = `FROM lead WHERE ${isBetweenAttempts} AND type_id = lead_type.id AND next_attempt_at > $1
  AND waits_for IS NULL`;

const queueCounts = statement<QueueCount>(
  'queue_counts',
  `SELECT "isUnpaused", CAST(sum(due) AS bigint) AS due, min(next_attempt_at) AS "nextAttemptAt",
     CAST(sum(waiting) AS bigint) AS "waitingForRetry", min(waiting_since) AS "waitingSince"
   FROM (
     SELECT ${isUnpaused} AS "isUnpaused",
       (SELECT count(*) FROM lead
        WHERE state = 'scheduled' AND type_id = lead_type.id AND next_attempt_at <= $1) AS due,
       (SELECT min(next_attempt_at) FROM lead WHERE state = 'scheduled' AND type_id = lead_type.id) AS next_attempt_at,
       (SELECT count(*) ${waitingOfType}) AS waiting,
       (SELECT min(due_at) ${waitingOfType}) AS waiting_since
     FROM lead_type
   ) AS of_type GROUP BY "isUnpaused"`,
  { isUnpaused: true },
);

async function leadStats(database: SqlDatabase, store: WatchedStore): Promise<LeadStats> {
  const counts = await database.read(leadCounts);
  await store.onCounted?.(Math.max(0, ...counts.map(({ rows }) => rows)));
  const queue = await database.read(queueCounts, Date.now());
  const notPermitted = await database.read(notPermittedCounts, Date.now());
  const [undecided] = await database.read(undecidedCount);
  return {
    byState: countsByState(counts),
    undecided: undecided?.count ?? 0,
    notPermitted,
    ...queueStatsOf(queue),
  };
}

/** Number of rows of the same kind. */
type Counted<Kind, Id> = Kind & {
  /** Number of them that the next activity counts again, which are those after `settled`. */
  unsettled: number;
  settled: Id;
};

const submissionsSince = statement<Counted<SubmissionCount, string>>(
  'submissions_since',
  `SELECT partner.name AS partner, outcome, count(*) AS count,
     count(*) FILTER (WHERE sent.id > settled) AS unsettled, settled
   FROM (SELECT *, CASE WHEN max(id) OVER () < $2 THEN max(id) OVER () ELSE $2 END AS settled
     FROM (SELECT id, partner_id, outcome FROM submission
       WHERE id > $1 AND kind = 'add' ORDER BY id LIMIT $3) AS page) AS sent
   JOIN partner ON partner.id = sent.partner_id GROUP BY partner.name, outcome, settled`,
);

const attemptsSince = statement<Counted<AttemptCount, number>>(
  'attempts_since',
  `SELECT outcome, count(*) AS count, count(*) FILTER (WHERE id > settled) AS unsettled, settled
   FROM (SELECT *, max(id) OVER () - $2 AS settled
     FROM (SELECT id, outcome FROM attempt WHERE id > $1 ORDER BY id LIMIT $3) AS page) AS ended
   GROUP BY outcome, settled`,
);

const failuresSince = statement<FailedAttempt>(
  'failures_since',
  `SELECT id, lead_id AS "leadId", ended_at AS "endedAt", outcome, response FROM attempt
   WHERE id > $1 AND outcome <> 'delivered' ORDER BY id DESC LIMIT $2`,
);

const lastAttempt = statement<{ id: number | null }>('last_attempt', 'SELECT max(id) AS id FROM attempt');

async function activity(database: SqlDatabase, after: ActivityCursor | undefined): Promise<Activity> {
  const settled = identifierBound(Date.now() - submissionSettleTime);
  const begin = after ?? {
    submissionId: settled,
    submissions: new Map(),
    attemptId: await firstAttemptToShow(database),
    attempts: new Map(),
  };
  const sent = await database.read(submissionsSince, begin.submissionId, settled, activityLimit);
  const ended = await database.read(attemptsSince, begin.attemptId, unsettledAttempts, activityLimit);
  return {
    cursor: {
      submissionId: laterOf(begin.submissionId, sent[0]?.settled),
      submissions: unsettledCounts(sent, keyOfSubmission),
      attemptId: laterOf(begin.attemptId, ended[0]?.settled),
      attempts: unsettledCounts(ended, keyOfAttempt),
    },
    submissions:
      after === undefined
        ? []
        : newCounts(sent, after.submissions, keyOfSubmission).map(({ partner, outcome, count }) => ({
            partner,
            outcome,
            count,
          })),
    attempts:
      after === undefined
        ? []
        : newCounts(ended, after.attempts, keyOfAttempt).map(({ outcome, count }) => ({ outcome, count })),
    failures: await database.read(failuresSince, begin.attemptId, maxRecentFailures),
  };
}

const keyOfSubmission = ({ partner, outcome }: SubmissionCount) => JSON.stringify([partner, outcome]);

const keyOfAttempt = ({ outcome }: AttemptCount) => outcome;

/** Subtracts what the earlier activity has counted. */
function newCounts<Kind extends { count: number }>(
  rows: readonly Counted<Kind, unknown>[],
  counted: ReadonlyMap<string, number>,
  keyOf: (row: Kind) => string,
): Kind[] {
  return rows
    .map((row) => ({ ...row, count: row.count - (counted.get(keyOf(row)) ?? 0) }))
    .filter(({ count }) => count > 0);
}

function unsettledCounts<Kind>(
  rows: readonly Counted<Kind, unknown>[],
  keyOf: (row: Kind) => string,
): ReadonlyMap<string, number> {
  return new Map(rows.map((row) => [keyOf(row), row.unsettled]));
}

async function firstAttemptToShow(database: SqlDatabase): Promise<number> {
  const [last] = await database.read(lastAttempt);
  return (last?.id ?? 0) - activityLimit;
}

/** Returns the later of two ids, because the clock may have been set back since the earlier activity. */
function laterOf<Id extends string | number>(id: Id, other: Id = id): Id {
  return other > id ? other : id;
}
