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
    leads: [],
    submissions: [
      { ...submission, id: second, outcome: 'already-scheduled' },
      { ...submission, id: first, outcome: 'accepted' },
    ],
    cancellations: [
      { ...cancellation, id: second, outcome: 'not-found' },
      { ...cancellation, id: first, outcome: 'cancelled' },
    ],
    attempts: [],
    withdrawals: [],
    results: [],
    actions: [],
  });
  expect(events.map(({ outcome }) => outcome)).toEqual([
    'accepted',
    'already-scheduled',
    'cancelled',
    'not-found',
  ]);
});

test('shows an attempt in flight with its lease, and one that was interrupted', () => {
  const nothing = {
    submissions: [],
    cancellations: [],
    attempts: [],
    withdrawals: [],
    results: [],
    actions: [],
  };
  const lead = {
    id: 'lead',
    partner: 'acme',
    type: 'motor',
    mobile: '+447840258823',
    state: 'scheduled',
    acceptedAt: 1,
    dueAt: 1,
    expiresAt: null,
    priority: 0,
    nextAttemptAt: null,
    waitsFor: null,
    dialledAt: null,
    cancelledAt: null,
    isUndecided: false,
    mayHaveArrived: false,
    attempts: 1,
    lastResponse: null,
    result: null,
    resultAt: null,
    submissionId: 'submission',
  } as const;
  const leaseEndsAt = Date.parse('2100-01-01T00:00:00Z');
  expect(
    timelineOf({
      ...nothing,
      leads: [
        { ...lead, inFlightSince: 9, leaseEndsAt },
        { ...lead, inFlightSince: 5, leaseEndsAt: 2_000 },
        { ...lead, inFlightSince: null, leaseEndsAt: null },
      ],
    }),
  ).toEqual([
    {
      at: 5,
      event: 'attempt',
      outcome: 'interrupted',
      leadId: 'lead',
      details:
        'no response was recorded before the lease ended at 1970-01-01T00:00:02Z; the lead will be sent again',
    },
    {
      at: 9,
      event: 'attempt',
      outcome: 'in flight',
      leadId: 'lead',
      details: 'lease until 2100-01-01T00:00:00Z',
    },
  ]);
});
