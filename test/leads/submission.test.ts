/** Nobody is called before the delay that the partner asked for has passed. */
import { expect, test } from 'vitest';
import { callDueAt, newSubmission } from '../../src/leads/submission.ts';

const sent = {
  partnerId: 1,
  receivedAt: 1_000_000,
  type: 'motor',
  mobile: '+447840258823',
  delays: 600,
  content: '{}',
};

test('a submission keeps what was sent and gets an identifier', () => {
  const { id, ...kept } = newSubmission(sent);
  expect(kept).toStrictEqual(sent);
  expect(id).toMatch(/^[0-9a-v]{20}$/);
});

test('the delay of a call counts from when the submission was received, in seconds', () => {
  expect(callDueAt(newSubmission(sent), sent.receivedAt)).toBe(1_600_000);
  expect(callDueAt(newSubmission(sent), sent.receivedAt + 400_000)).toBe(1_600_000);
});

test('the lead of a submission that is re-run after its delay is due immediately', () => {
  expect(callDueAt(newSubmission(sent), 90_000_000)).toBe(90_000_000);
});
