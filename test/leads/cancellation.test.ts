/** A partner that cancelled expects that nobody calls, even if an operator re-runs the submission later. */
import { expect, test } from 'vitest';
import { newCancellation, preventsCall } from '../../src/leads/cancellation.ts';

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

test('a cancellation keeps what was sent and gets an identifier of the time when it was received', () => {
  const sent = { partnerId: 1, receivedAt: 1_000, type: 'motor', mobile: '+447840258823', content: '{}' };
  const { id, ...kept } = newCancellation(sent);
  expect(kept).toStrictEqual(sent);
  expect(id).toMatch(/^[0-9a-v]{20}$/);
});
