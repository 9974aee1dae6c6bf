/** VICIdial drops or changes some characters, so text is rewritten by the rules of its field to keep its meaning. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  commentText,
  customFieldText,
  emailComment,
  isKeptAsEmail,
  losesMarks,
  nameText,
} from '../../../src/delivery/diallers/vicidial/text.ts';
import { asColumn, asComments, asCustomField, asEmail } from '../../harness/vicidial-text.ts';

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
    ['one|two\\three', 'one|two/three'],
    ['  two \r\n\t lines  ', 'two lines'],
    ['null\u0000byte, zero\u200bwidth', 'null byte, zero width'],
    ['a \ud800 b', 'a b'],
    ['thumbs 👍🏽 up, family 👨‍👩‍👧, flag 🇬🇧, key 1️⃣', 'thumbs up, family , flag , key 1'],
    ['it’s ‘quoted’', "it's 'quoted'"],
    ['plain text, as it is.', 'plain text, as it is.'],
  ])('rewrites the comment %j as %j', (text, expected) => {
    expect(commentText(text, letters)).toBe(expected);
  });

  test.each([
    ['Tom & Ann', 'Tom and Ann'],
    ['Tom+Ann', 'Tom and Ann'],
    ['A|B', 'A B'],
    ['Smith/Jones', 'Smith-Jones'],
    ['O’Neil', "O'Neil"],
    ['Anne–Marie', 'Anne-Marie'],
    ['Smith, John (jr.)', 'Smith John jr.'],
    ['John 🎉', 'John'],
  ])('rewrites the name %j as %j', (text, expected) => {
    expect(nameText(text, letters)).toBe(expected);
  });

  test.each([
    ['flat #3', 'flat #3'],
    ['a; "b"', "a, 'b'"],
    ['C:\\dir\\', 'C:/dir/'],
    ['+44 20, 2+2', '0044 20, 2 plus 2'],
  ])('rewrites the custom field %j as %j', (text, expected) => {
    expect(customFieldText(text, letters)).toBe(expected);
  });

  test('no text is changed by VICIdial after it was rewritten, and rewriting it again changes nothing', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...'";#+\\|\r\n\t 1a"＃＋｜’é\u0301&/🎉'),
        fc.string({ unit: 'binary' }),
      ),
    });
    fc.assert(
      fc.property(text, (original) => {
        const comment = commentText(original, letters);
        expect(asComments(comment)).toBe(comment.slice(0, 255));
        const field = customFieldText(original, letters);
        expect(asCustomField(field, Number.POSITIVE_INFINITY)).toBe(field);
        const name = nameText(original, letters);
        expect(asColumn('first_name', name, letters === 'all')).toBe(name);
        for (const each of [comment, field, name]) expect(each).not.toMatch(/[\r\n]| {2}|^ | $/);
        expect(commentText(comment, letters)).toBe(comment);
        expect(customFieldText(field, letters)).toBe(field);
        expect(nameText(name, letters)).toBe(name);
        if (letters === 'latin') expect(`${comment}${field}${name}`).toMatch(/^[\x20-\x7e]*$/);
      }),
      { numRuns: 300 },
    );
  });
});

test.each([
  ['Zoë Łukasz', 'Zoe Lukasz'],
  ['“quoted”', "'quoted'"],
  ['one؛ two', 'one, two'],
  ['one；two', 'one,two'],
  ['one＋two', 'one plus two'],
])('transliterates %j as %j', (text, expected) => {
  expect(commentText(text, 'latin')).toBe(expected);
});

test('DIALLER_LETTERS=all composes letters', () => {
  expect([nameText('Zoe\u0308', 'all'), commentText('Zoe\u0308', 'all')]).toEqual(['Zoë', 'Zoë']);
});

test('DIALLER_LETTERS=all transliterates the letters that VICIdial’s database does not have', () => {
  expect([nameText('𝒥ohn 𠮷田', 'all'), customFieldText('𠮷田', 'all')]).toEqual(['John Kichi田', 'Kichi田']);
});

test.each([
  ['हिन्दी', 'all', true],
  ['Zoe\u0308', 'all', false],
  ['हिन्दी', 'latin', false],
] as const)('whether the name %j loses marks with %s: %s', (name, letters, expected) => {
  expect(losesMarks(name, letters)).toBe(expected);
});

test.each([
  ['john.doe@test.com', true],
  ["o'neil_x-y%z@test.com", true],
  ['john+tag@test.com', false],
  ['o&m@test.com', false],
  ['john!doe@test.com', false],
  [`${'e'.repeat(62)}@test.com`, false],
])('whether VICIdial keeps the address %s as it is: %s', (email, expected) => {
  expect(isKeptAsEmail(email)).toBe(expected);
  if (expected) expect(asEmail(email)).toBe(email);
});

test('an address in the comments names the signs that they lose', () => {
  expect(emailComment('a+b#c&d!e@test.com')).toBe('a[plus]b[hash]c&d!e@test.com');
});
