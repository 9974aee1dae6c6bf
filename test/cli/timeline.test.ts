/** The timeline of a person shows what happened in the order in which it happened. */
import { expect, test } from 'vitest';
import { timelineOf } from '../../src/cli/timeline.ts';
import { newIdentifier } from '../../src/leads/identifier.ts';

test('keeps the order of submissions, and of cancellations, that arrived in the same millisecond', () => {
  const sent = {
    partner: 'acme',
    type: 'motor',
    mobile: '+447840258823',
    receivedAt: 5,
    keyId: null,
    leadId: null,
  };
  const [first, second] = [newIdentifier(5), newIdentifier(5)];
  const submission = { ...sent, content: '{}', reruns: [] };
  const cancellation = { ...sent, content: '{}' };
  const events = timelineOf({
    submissions: [
      { ...submission, id: second, outcome: 'already-scheduled' },
      { ...submission, id: first, outcome: 'accepted' },
    ],
    cancellations: [
      { ...cancellation, id: second, outcome: 'not-found' },
      { ...cancellation, id: first, outcome: 'cancelled' },
    ],
    attempts: [],
    actions: [],
  });
  expect(events.map(({ outcome }) => outcome)).toEqual([
    'accepted',
    'already-scheduled',
    'cancelled',
    'not-found',
  ]);
});
