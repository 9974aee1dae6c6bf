/** Partners' text reaches an operator's terminal, which interprets some characters and hides others. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, printableJson, printableLines } from '../../src/text/terminal.ts';

/** Unicode properties: Other, line and paragraph separators, and Default_Ignorable_Code_Point. */
const dangerous = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

test('escapes every code point that a terminal interprets or hides, and no other', () => {
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code);
    const shown = printable(character);
    if (dangerous.test(shown)) expect.fail(`U+${code.toString(16)} reaches the terminal.`);
    if (shown !== character && !dangerous.test(character)) expect.fail(`U+${code.toString(16)} is changed.`);
  }
});

test.each([
  ['a', 'a'],
  ['Zoë 😀 日本 العربية', 'Zoë 😀 日本 العربية'],
  ['\u0000\u001b\u007f\u0085\u009b', '\\u0000\\u001b\\u007f\\u0085\\u009b'],
  [
    '\u00ad\u061c\u200b\u200e\u200f\u202e\u2066\u2069\ufeff',
    '\\u00ad\\u061c\\u200b\\u200e\\u200f\\u202e\\u2066\\u2069\\ufeff',
  ],
  ['\u2028\u2029\u3164\uffa0', '\\u2028\\u2029\\u3164\\uffa0'],
  ['\ud800 \udc00', '\\ud800 \\udc00'],
  ['\u{e0001}\u{e007f}\u{1d173}', '\\u{e0001}\\u{e007f}\\u{1d173}'],
])('%j is escaped as %s', (text, shown) => expect(printable(text)).toBe(shown));

test('printableLines keeps line breaks', () => {
  expect(printableLines('one\n\ttwo\r\n')).toBe('one\n\\u0009two\\u000d\n');
});

test('printableJson returns one printable line that parses to the same value', () => {
  const anyText = fc.string({ unit: fc.nat(0x10ffff).map((code) => String.fromCodePoint(code)) });
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (value) => {
      const json = printableJson(value);
      expect(json).not.toMatch(dangerous);
      expect(JSON.parse(json)).toEqual(value);
    }),
  );
  expect(printableJson({ a: '\u0085\u{e0001}' })).toBe('{"a":"\\u0085\\udb40\\udc01"}');
});
