/** Every error of a request is reported, at the right place. */
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/document.ts';
import { readJson } from '../../src/contract/json.ts';
import { validators } from '../../src/contract/validation.ts';
import { phoneParsers } from '../../src/leads/phone.ts';

test('reports a query parameter and a field of the same name', () => {
  const contract = readContract();
  const [addLead] = contract.operations;
  if (addLead === undefined) throw new Error('The contract has no operation.');
  const validate = validators(contract, phoneParsers('GB'))(addLead);
  const result = validate({ query: { email: ['x'] }, headers: {}, body: { email: 'invalid' } });
  expect(result).toMatchObject({
    errors: {
      email: {
        0: 'Email is not a valid email address.',
        1: 'Email is not a query parameter of this request.',
      },
    },
  });
});

test.each([
  ['a lone byte', [0x41, 0xff, 0x42], 2],
  ['a character cut short, which begins like U+FFFD', [0x41, 0xef, 0xbf, 0x42], 2],
  ['an invalid byte after a U+FFFD that was sent', [0xef, 0xbf, 0xbd, 0xff], 2],
  [
    'an invalid byte after several U+FFFD with text in between',
    [...Buffer.from('a\ufffdé\ufffd\ufffdb'), 0xff],
    7,
  ],
])('locates %s in a body that is not UTF-8', (_what, bytes, column) => {
  expect(readJson(Buffer.from(bytes))).toEqual({
    errors: { body: { 0: `Body is not valid UTF-8 at line 1, column ${column}.` } },
  });
});
