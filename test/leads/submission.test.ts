/** Nobody is called before the delay that the partner asked for has passed. */
import { expect, test } from 'vitest';
import { requestedTime } from '../../src/leads/submission.ts';

const sent = { receivedAt: 1_000_000, delays: 600 };

test('the delay of a call counts from when the submission was received, in seconds', () => {
  expect(requestedTime(sent, sent.receivedAt)).toBe(1_600_000);
  expect(requestedTime(sent, sent.receivedAt + 400_000)).toBe(1_600_000);
});

test('the lead of a submission that is re-run after its delay is due immediately', () => {
  expect(requestedTime(sent, 90_000_000)).toBe(90_000_000);
});
