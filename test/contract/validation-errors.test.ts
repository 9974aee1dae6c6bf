/** Every error of a request is reported, at the right place. */
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/document.ts';
import { readJson } from '../../src/contract/json.ts';
import { validators } from '../../src/contract/validation.ts';
import { phoneParsers } from '../../src/leads/phone.ts';

const contract = readContract();
const addLead = contract.operations.find(({ id }) => id === 'addLead');
if (addLead === undefined) throw new Error('The contract has no operation addLead.');
const validate = validators(contract, phoneParsers('GB'))(addLead);

test('reports a query parameter and a field of the same name', () => {
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
  ['emal', 'Emal is not a field of this request; did you mean `email`?'],
  ['emxl', 'Emxl is not a field of this request.'],
  ['emxxl', 'Emxxl is not a field of this request; did you mean `email`?'],
  ['exxxl', 'Exxxl is not a field of this request.'],
  ['EMAIL', 'EMAIL is not a field of this request; did you mean `email`?'],
  ['surename', 'Surename is not a field of this request; did you mean `surname`?'],
  [`${'x'.repeat(40)}`, `X${'x'.repeat(39)} is not a field of this request.`],
  ['_first_nam', 'First Nam is not a field of this request; did you mean `first_name`?'],
  ['__', '"__" is not a field of this request.'],
])('suggests a field instead of %s if one or two characters differ', (name, message) => {
  const result = validate({ query: {}, headers: {}, body: { [name]: 'x' } });
  expect(result).toMatchObject({ errors: { [name]: { 0: message } } });
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
