import type { AttemptOutcome } from '../leads/attempt.ts';
import type { LeadState, SubmissionOutcome } from '../leads/lead.ts';
import type { WaitCause } from '../leads/wait-cause.ts';

/** Number of scheduled leads that wait for the same thing, such as calling hours. */
export interface NotPermittedCount {
  waitsFor: WaitCause;
  count: number;
}

/** Number of leads by state, and of those that remain to be delivered or resolved. */
export interface LeadStats {
  /** Number of leads in each state. */
  byState: Record<LeadState, number>;
  /** Number of failed leads that may have reached the dialler, which an operator must resolve. */
  undecided: number;
  /** Number of leads that can be claimed now. */
  due: number;
  /** Number of leads that could be claimed now if their delivery were not paused. */
  duePaused: number;
  /** When the first lead can be claimed (ms since 1970); undefined: none, or all are paused. */
  nextAttemptAt: number | undefined;
  /** Number of scheduled leads whose last attempt failed, whose next one is later, and which are not paused. */
  waitingForRetry: number;
  /** When the first of them was due (ms since 1970); undefined: there are none. */
  waitingSince: number | undefined;
  /** Numbers of leads that wait for calling hours, a screening or a registry. */
  notPermitted: NotPermittedCount[];
}

/** Counts of the scheduled leads of all types whose delivery is paused, or of all others. */
export interface QueueCount {
  /** Whether no pause applies to them. */
  isUnpaused: boolean;
  due: number;
  nextAttemptAt: number | null;
  waitingForRetry: number;
  waitingSince: number | null;
}

/** Converts the counts of scheduled leads to their part of the statistics. */
export function queueStatsOf(
  counts: readonly QueueCount[],
): Omit<LeadStats, 'byState' | 'undecided' | 'notPermitted'> {
  const unpaused = counts.find(({ isUnpaused }) => isUnpaused);
  const paused = counts.find(({ isUnpaused }) => !isUnpaused);
  return {
    due: unpaused?.due ?? 0,
    duePaused: paused?.due ?? 0,
    nextAttemptAt: unpaused?.nextAttemptAt ?? undefined,
    waitingForRetry: unpaused?.waitingForRetry ?? 0,
    waitingSince: unpaused?.waitingSince ?? undefined,
  };
}

/** Returns the number of leads in each state: 0 for a state without a row. */
export function countsByState(
  rows: Iterable<{ state: LeadState; count: number }>,
): Record<LeadState, number> {
  const counts = {
    scheduled: 0,
    held: 0,
    dialled: 0,
    withdrawing: 0,
    cancelled: 0,
    failed: 0,
    dismissed: 0,
    expired: 0,
    suppressed: 0,
  };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

/** Number of submissions of a partner with one outcome. */
export interface SubmissionCount {
  partner: string;
  outcome: SubmissionOutcome;
  count: number;
}

/** Number of attempts with one outcome. */
export interface AttemptCount {
  outcome: AttemptOutcome;
  count: number;
}

/**
 * What an activity has counted. Rows become visible in the order of their commits, which is not that of their ids, so
 * the next activity counts the latest rows again, and subtracts what was counted.
 */
export interface ActivityCursor {
  /** Id of a submission, up to which all were counted. */
  submissionId: string;
  /** Counts of the submissions after it, by partner and outcome. */
  submissions: ReadonlyMap<string, number>;
  /** Id of an attempt, up to which all were counted. */
  attemptId: number;
  /** Counts of the attempts after it, by outcome. */
  attempts: ReadonlyMap<string, number>;
}

/** An attempt that did not deliver its lead. */
export interface FailedAttempt {
  id: number;
  leadId: string;
  /** Milliseconds since 1970. */
  endedAt: number;
  outcome: AttemptOutcome;
  response: string;
}

/** What was sent and delivered since an earlier activity. */
export interface Activity {
  cursor: ActivityCursor;
  submissions: SubmissionCount[];
  attempts: AttemptCount[];
  /** The latest failures, newest first. Those of the earlier activity may be among them. */
  failures: FailedAttempt[];
}

/** Maximum number of submissions, and of attempts, that an activity reads, so that it stays short. */
export const activityLimit = 50_000;

/**
 * Time for which submissions are counted again (ms). Their ids contain the time of their arrival, and a store may
 * commit them many seconds later: a body may take 30 s to arrive.
 */
export const submissionSettleTime = 40_000;

/** Number of attempts that are counted again. Their ids are assigned shortly before their commit. */
export const unsettledAttempts = 10_000;

/** Maximum number of failures in an activity. */
export const maxRecentFailures = 5;

/** Measurements of a store, for metrics and `leads watch`. */
export interface Watch {
  /** Returns the current numbers of leads. */
  leadStats(): Promise<LeadStats>;
  /** Returns the number of calls of this process that wait for the store. */
  waiting(): number;
  /**
   * Returns what was sent and delivered since an earlier activity. The first activity counts nothing: it returns the
   * last failures, and the cursor of the next.
   *
   * @param after cursor of the earlier activity; undefined: none
   */
  activity(after: ActivityCursor | undefined): Promise<Activity>;
}
