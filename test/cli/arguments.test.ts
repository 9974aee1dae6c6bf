/** Numbers on the command line are written in decimal digits, so that none is misread. */
import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { parseCount } from '../../src/cli/arguments.ts';

test.each([
  ['1', 1],
  ['010', 10],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
])('%s is accepted as %i', (text, count) => {
  expect(parseCount(text)).toBe(count);
});

test.each([
  '',
  '0',
  '00',
  '-1',
  '+1',
  '1.0',
  '1e3',
  '0x10',
  '0b1',
  '1_000',
  '1,000',
  ' 5',
  '5 ',
  '5\n',
  '٥',
  'Infinity',
  '9007199254740992',
])('%j is rejected', (text) => {
  expect(() => parseCount(text)).toThrow(InvalidArgumentError);
  expect(() => parseCount(text)).toThrow('It must be a whole number, at least 1.');
});
