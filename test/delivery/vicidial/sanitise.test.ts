/** VICIdial drops or changes some characters, so they are rewritten to keep the meaning of the text. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitise } from '../../../src/delivery/diallers/vicidial/sanitise.ts';

const letterSettings = ['latin', 'all'] as const;

describe.each(letterSettings)('with DIALLER_LETTERS=%s', (letters) => {
  test.each([
    ['say "yes"', "say 'yes'"],
    ['red; blue', 'red, blue'],
    ['flat #3', 'flat no 3'],
    ['flat #  3', 'flat no 3'],
    ['flat#3', 'flat no 3'],
    ['1 #2#3', '1 no 2 no 3'],
    ['C#, F#!', 'C , F !'],
    ['a#', 'a'],
    ['+44 20', '0044 20'],
    ['call (+44) 20 or +44-20', 'call (0044) 20 or 0044-20'],
    ['red+blue', 'red plus blue'],
    ['2+2', '2 plus 2'],
    ['one|two\\three', 'one/two/three'],
    ['  two \r\n\t lines  ', 'two lines'],
    ['null\u0000byte, zero\u200bwidth', 'null byte, zero width'],
    ['a \ud800 b', 'a b'],
    ['plain text, as it is.', 'plain text, as it is.'],
  ])('rewrites %j as %j', (text, expected) => {
    expect(sanitise(text, letters)).toBe(expected);
  });
});

test.each([
  ['Zoë Łukasz', 'Zoe Lukasz'],
  ['“quoted”', "'quoted'"],
  ['one؛ two', 'one, two'],
  ['one；two', 'one,two'],
  ['one＃two', 'one two'],
  ['one＋two', 'one two'],
  ['one｜two＼three', 'one two three'],
  ['one ＋ two', 'one two'],
  ['＃ one ＃', 'one'],
])('transliterates %j as %j', (text, expected) => {
  expect(sanitise(text, 'latin')).toBe(expected);
});

test.each(['Zoë', '王小明', '“quoted”'])('DIALLER_LETTERS=all keeps %j', (text) => {
  expect(sanitise(text, 'all')).toBe(text);
});

test('no text contains a character that VICIdial drops, or a line of its API, after it is sanitised', () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(...'";#+\\|\r\n\t 1a"＃＋｜'), fc.string({ unit: 'binary' })),
  });
  fc.assert(
    fc.property(text, fc.constantFrom(...letterSettings), (original, letters) => {
      const sanitised = sanitise(original, letters);
      expect(sanitised).not.toMatch(/[";#+\\|\r\n\t]| {2}|^ | $/);
      if (letters === 'latin') expect(sanitised).toMatch(/^[\x20-\x7e]*$/);
      expect(sanitise(sanitised, letters)).toBe(sanitised);
    }),
    { numRuns: 200 },
  );
});
