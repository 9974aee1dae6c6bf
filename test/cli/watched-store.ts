import { type Activity, countsByState, type Workload } from '../../src/store/watch.ts';

/** The workload of a store without leads. */
export const emptyWorkload: Workload = {
  byState: countsByState([]),
  undecided: 0,
  due: 0,
  duePaused: 0,
  nextAttemptAt: undefined,
};

/** An activity in which nothing happened. */
export const emptyActivity: Activity = {
  cursor: { submissionId: '', submissions: new Map(), attemptId: 0, attempts: new Map() },
  submissions: [],
  attempts: [],
  failures: [],
};
