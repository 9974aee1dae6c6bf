import { type Activity, countsByState, type LeadStats } from '../../src/store/watch.ts';

/** The statistics of a store without leads. */
export const emptyLeadStats: LeadStats = {
  byState: countsByState([]),
  undecided: 0,
  due: 0,
  duePaused: 0,
  nextAttemptAt: undefined,
  notPermitted: [],
  waitingForRetry: 0,
  waitingSince: undefined,
};

/** An activity in which nothing happened. */
export const emptyActivity: Activity = {
  cursor: { submissionId: '', submissions: new Map(), attemptId: 0, attempts: new Map() },
  submissions: [],
  attempts: [],
  failures: [],
};
