/** A number that validation accepted and the operation cannot parse must never be stored. */
import { expect, test } from 'vitest';
import { readMobile } from '../../src/operations/mobile.ts';

test('returns the E.164 form of the number', () => {
  expect(readMobile({ mobile: '07840 258823' }, (text) => `parsed ${text}`)).toBe('parsed 07840 258823');
});

test('throws if validation and operation disagree on the number', () => {
  expect(() => readMobile({ mobile: '07840 258823' }, () => undefined)).toThrow(
    'A phone number passed validation but cannot be parsed.',
  );
});
