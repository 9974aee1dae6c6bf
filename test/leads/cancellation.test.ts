/** A partner that cancelled expects that nobody calls, even if an operator re-runs the submission later. */
import { expect, test } from 'vitest';
import { preventsCall } from '../../src/leads/cancellation.ts';

test.each([
  [true, true, true],
  [true, false, false],
  [false, true, false],
  [false, false, false],
])(
  'a cancellation (later: %s, of the same partner: %s) prevents the call: %s',
  (isLater, isOwn, prevents) => {
    expect(preventsCall({ isLater, isOwn })).toBe(prevents);
  },
);
