import type { AttemptOutcome } from '../leads/attempt.ts';
import type { LeadState, SubmissionOutcome } from '../leads/lead.ts';

/** What there is to do. */
export interface Workload {
  /** How many leads there are in each state. */
  byState: Record<LeadState, number>;
  /** How many failed and may have reached the dialler, so that an operator must decide. */
  undecided: number;
  /** How many could be claimed now. */
  due: number;
  /** How many more are due, but held back because their delivery is paused. */
  duePaused: number;
  /** From when on the first one can be claimed, in milliseconds since 1970; undefined: none, or all are paused. */
  nextAttemptAt: number | undefined;
}

/** The leads of the types whose delivery is not paused, or of those whose delivery is. */
export interface QueueCount {
  isOpen: boolean;
  due: number;
  nextAttemptAt: number | null;
}

/** The part of the workload that is in line. */
export function workloadOf(
  counts: readonly QueueCount[],
): Pick<Workload, 'due' | 'duePaused' | 'nextAttemptAt'> {
  const open = counts.find(({ isOpen }) => isOpen);
  const paused = counts.find(({ isOpen }) => !isOpen);
  return {
    due: open?.due ?? 0,
    duePaused: paused?.due ?? 0,
    nextAttemptAt: open?.nextAttemptAt ?? undefined,
  };
}

/** Counts of states as the store gives them, with a 0 for each that it has none of. */
export function countsByState(
  rows: Iterable<{ state: LeadState; count: number }>,
): Record<LeadState, number> {
  const counts = { scheduled: 0, dialled: 0, cancelled: 0, failed: 0, expired: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

/** Where the next look at the activity goes on. */
export interface ActivityCursor {
  submission: string;
  attemptId: number;
}

export interface SubmissionCount {
  partner: string;
  outcome: SubmissionOutcome;
  count: number;
}

export interface AttemptCount {
  outcome: AttemptOutcome;
  count: number;
}

/** A try that did not bring its lead to the dialler. */
export interface FailedAttempt {
  leadId: string;
  /** Milliseconds since 1970. */
  endedAt: number;
  outcome: AttemptOutcome;
  response: string;
}

/** What was done since the look before. */
export interface Activity {
  cursor: ActivityCursor;
  submissions: SubmissionCount[];
  attempts: AttemptCount[];
  /** A few, the newest first. */
  failures: FailedAttempt[];
}

/** So many submissions, and so many tries, are looked at at a time, so that a look stays short. */
export const activityLimit = 50_000;

/**
 * Submissions are counted so much later, in milliseconds: they are named when they arrive, and seen once they are
 * committed, so that one can come behind another that was named after it.
 */
export const settlingTime = 1_000;

/** So many failures are told of at a time. */
export const maxRecentFailures = 5;

/** What watches a store needs. */
export interface Watch {
  workload(): Promise<Workload>;
  /** How many calls of this process wait for the store. */
  waiting(): number;
  /**
   * What partners sent and what was handed over since an earlier look. The first look counts nothing: it
   * tells of the last failures, and from where to go on.
   */
  activity(after: ActivityCursor | undefined): Promise<Activity>;
}
