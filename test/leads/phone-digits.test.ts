/** Diallers receive numbers in the form that the operator chose. */
import { expect, test } from 'vitest';
import { phoneDigits } from '../../src/leads/phone.ts';

test.each([
  ['+447840258823', 'national', '44', '07840258823'],
  ['+447840258823', 'significant', '44', '7840258823'],
  ['+447840258823', 'international', '44', '447840258823'],
  ['+4915123456789', 'national', '49', '015123456789'],
] as const)('formats %s as %s', (e164, form, countryCode, digits) => {
  expect(phoneDigits(e164, form)).toEqual({ countryCode, digits });
});

test('throws for a stored number that is not E.164, instead of sending something else to the dialler', () => {
  expect(() => phoneDigits('unknown', 'international')).toThrow('A stored phone number is not valid E.164.');
});
