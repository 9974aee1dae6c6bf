/** Every error of a request is reported, at the right place. */
import { describe, expect, test } from 'vitest';
import { readContract } from '../../src/contract/contract.ts';
import { readJson } from '../../src/contract/json.ts';
import { notAnObject } from '../../src/contract/messages.ts';
import { bodyNormaliser } from '../../src/contract/normalise.ts';
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

test('reports which valid numbers the deployment does not call, and why', () => {
  const policy = { countries: new Set(['GB'] as const), special: new Set<never>() };
  const validateBritish = validators(contract, phoneParsers('GB', policy))(addLead);
  const notCallableIn = (body: object) => {
    const result = validateBritish({ query: {}, headers: {}, body });
    return 'notCallable' in result ? result.notCallable : undefined;
  };
  const reason = 'a number of DE, which ALLOWED_COUNTRIES does not list';
  expect(notCallableIn({ mobile: '+493012345678', other_phone: '07840258823', email: 'invalid' })).toEqual([
    { field: 'mobile', reason },
  ]);
  expect(notCallableIn({ mobile: '07840258823', other_phone: '+493012345678' })).toEqual([
    { field: 'other_phone', reason },
  ]);
  expect(notCallableIn({ mobile: '1', email: 'invalid' })).toEqual([]);
  expect(notCallableIn([])).toEqual([]);
});

test.each([['text'], [null], [5]])('reports that %j is not an object', (body) => {
  expect(validate({ query: {}, headers: {}, body })).toEqual({ errors: notAnObject, notCallable: [] });
});

describe('normalising a body', () => {
  const normalise = bodyNormaliser({
    required: ['mobile'],
    properties: {
      mobile: { type: 'string' },
      email: { type: ['string', 'null'] },
      delays: { type: ['integer', 'null'] },
      place: { type: 'string' },
    },
  });

  test.each([
    [
      { mobile: ' ', email: '', delays: '60', place: '' },
      { delays: 60, place: '' },
    ],
    [{ mobile: '1', delays: null }, { mobile: '1' }],
    [{ delays: '1e999' }, { delays: '1e999' }],
    [{ delays: '-1' }, { delays: '-1' }],
    [{ delays: Number.POSITIVE_INFINITY }, { delays: Number.MAX_SAFE_INTEGER }],
    [{ delays: Number.NEGATIVE_INFINITY }, { delays: -Number.MAX_SAFE_INTEGER }],
    [{ delays: '9'.repeat(400) }, { delays: Number.MAX_SAFE_INTEGER }],
    [{ place: '60' }, { place: '60' }],
  ])('turns %j into %j, and leaves the original unchanged', (body, normalised) => {
    const original = structuredClone(body);
    expect(normalise(body)).toStrictEqual(normalised);
    expect(body).toStrictEqual(original);
  });

  test('returns a body that needs no change as it is', () => {
    const body = { mobile: '07840258823', delays: 60 };
    expect(normalise(body)).toBe(body);
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
