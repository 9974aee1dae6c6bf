/** What `leads watch` remembers of earlier refreshes. */
import { expect, test } from 'vitest';
import { ActivityHistory } from '../../src/cli/watch-view.ts';
import { emptyActivity, emptyLeadStats } from './watched-store.ts';

test('shows the latest five failed attempts, each once, although refreshes overlap', () => {
  const history = new ActivityHistory();
  for (const ids of [[2, 1], [4, 2, 1], [], [6, 5, 4, 3]]) {
    const failures = ids.map((id) => ({
      id,
      leadId: `lead-${id}`,
      endedAt: id,
      outcome: 'rejected' as const,
      response: '',
    }));
    history.add({ ...emptyActivity, failures }, emptyLeadStats, [], 0, false);
  }
  expect(history.failures.map(({ id }) => id)).toEqual([6, 5, 4, 3, 2]);
});
