/** What `leads watch` remembers of earlier refreshes. */
import { expect, test } from 'vitest';
import { ActivityHistory } from '../../src/cli/watch-view.ts';
import { countsByState } from '../../src/store/watch.ts';

test('shows the latest five failed attempts, each once, although refreshes overlap', () => {
  const history = new ActivityHistory();
  const workload = {
    byState: countsByState([]),
    undecided: 0,
    due: 0,
    duePaused: 0,
    nextAttemptAt: undefined,
  };
  for (const ids of [[2, 1], [4, 2, 1], [], [6, 5, 4, 3]]) {
    const failures = ids.map((id) => ({
      id,
      leadId: `lead-${id}`,
      endedAt: id,
      outcome: 'rejected' as const,
      response: '',
    }));
    const cursor = { submission: '', submissions: new Map(), attemptId: 0, attempts: new Map() };
    history.add({ cursor, submissions: [], attempts: [], failures }, workload, [], 0, false);
  }
  expect(history.failures.map(({ id }) => id)).toEqual([6, 5, 4, 3, 2]);
});
