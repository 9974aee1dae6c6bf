/** Whether a person is accepted again decides whether they are called twice. */
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/contract.ts';
import {
  type LeadState,
  leadStates,
  outcomeIfNotCancelled,
  outcomeWithActiveLead,
  reportedState,
  submissionOutcomes,
} from '../../src/leads/lead.ts';
import { responseExamples } from '../harness/contract.ts';

const dialledAt = 1_000_000;

test('a dialled lead prevents another one until the re-contact period has passed, to the millisecond', () => {
  const dialled = { state: 'dialled', dialledAt } as const;
  expect(outcomeWithActiveLead(dialled, 5_000, dialledAt + 4_999)).toBe('existing-contact');
  expect(outcomeWithActiveLead(dialled, 5_000, dialledAt + 5_000)).toBe('accepted');
  expect(outcomeWithActiveLead(dialled, 0, dialledAt)).toBe('accepted');
});

test('without a re-contact period, or without the time of the delivery, a dialled lead always prevents another one', () => {
  const later = Number.MAX_SAFE_INTEGER;
  expect(outcomeWithActiveLead({ state: 'dialled', dialledAt }, null, later)).toBe('existing-contact');
  expect(outcomeWithActiveLead({ state: 'dialled', dialledAt: null }, 5_000, later)).toBe('existing-contact');
});

test.each(['scheduled', 'failed'] as const)('an active %s lead prevents another one at any time', (state) => {
  for (const recontactAfter of [null, 0]) {
    expect(outcomeWithActiveLead({ state, dialledAt: null }, recontactAfter, dialledAt)).toBe(
      'already-scheduled',
    );
  }
});

/** The outcome of a request that cancels nothing, by the state of the person's latest lead. */
const outcomesIfNotCancelled = {
  scheduled: 'already-processed',
  held: 'already-processed',
  dialled: 'already-processed',
  withdrawing: 'already-processed',
  failed: 'already-processed',
  // Never occurs: a dismissed lead can be cancelled.
  dismissed: 'not-found',
  cancelled: 'not-found',
  expired: 'not-found',
  suppressed: 'not-found',
} as const satisfies Record<LeadState, string>;

test.each(leadStates)(
  'a request that cancels nothing has the documented outcome if the latest lead is %s',
  (state) => {
    expect(outcomeIfNotCancelled(state)).toBe(outcomesIfNotCancelled[state]);
  },
);

test('a request that cancels nothing because there is no lead has the outcome not-found', () => {
  expect(outcomeIfNotCancelled(undefined)).toBe('not-found');
});

test('partners see only the states of the contract, and each of them', () => {
  const { components } = JSON.parse(readContract().json);
  const [{ enum: documented }] = components.schemas.LeadFound.properties.state.anyOf;
  expect(new Set(leadStates.map(reportedState))).toEqual(new Set(documented));
  expect(reportedState('held')).toBe('scheduled');
  expect(reportedState('dismissed')).toBe('failed');
});

test('every outcome of a submission has an example in the contract', () => {
  expect(Object.keys(responseExamples('addLead', 200))).toEqual(
    expect.arrayContaining([...submissionOutcomes]),
  );
});
