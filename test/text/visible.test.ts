/** A name without visible characters is rejected as blank: the agent who calls needs a name to say. */
import { expect, test } from 'vitest';
import { isInvisible } from '../../src/text/visible.ts';

test.each([
  '',
  ' \t\r\n',
  '\u0000\u001b\u007f\u0085',
  '\u00a0\u1680\u2007\u3000',
  '\u00ad\u034f\u061c\u180e\ufe0f',
  '\u200b\u200c\u200d\u2060\ufeff',
  '\u200e\u202e\u2066\u2028\u2029',
  '\u115f\u1160\u3164\uffa0',
  '\u2800',
  '\ud800',
  '\udfff \u{e0041}\u{e0100}',
  '\u{16fe4}\u{1d159}\u{1d173}',
  '\ufffe\u{1ffff}',
])('%j is invisible', (text) => expect(isInvisible(text)).toBe(true));

test.each([
  'a',
  ' a ',
  '\u200b.\u200b',
  '0',
  '-',
  'é',
  'e\u0301',
  '李',
  '한',
  'ا',
  'ิ',
  '😀',
  '❤\ufe0f',
  '\ue000',
  '\ufffd',
  '\u{20000}',
])('%j is visible', (text) => expect(isInvisible(text)).toBe(false));
