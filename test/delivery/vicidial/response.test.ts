/** The lines of text in VICIdial's response decide whether it has a lead and, if not, why. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addResult,
  isLoss,
  parseLines,
  senderPause,
} from '../../../src/delivery/diallers/vicidial/response.ts';

const added = 'SUCCESS: add_lead LEAD HAS BEEN ADDED - 7840258823|1001|42||leadsapi';

const resultOf = (text: string) => addResult(parseLines(text), '1001');

describe('a lead that was added', () => {
  test('has the id and the list of the response', () => {
    expect(resultOf(added)).toMatchObject({ kind: 'added', id: '42', list: '1001' });
  });

  test('is found if other output precedes the line, or an error or a notice follows it', () => {
    const text = `Warning: deprecated\nERROR: log file is not writable\r\n${added}\r\nNOTICE: add_lead ADDED TO HOPPER - 7840258823|42`;
    expect(resultOf(text)).toMatchObject({ kind: 'added', id: '42' });
  });
});

test.each([
  ['SUCCESS: version - 2.14|1001|42'],
  ['NOTICE: add_lead INVALID PHONE NUMBER - 1'],
  ['<html>It works!</html>'],
  [''],
])('%j is not a result of add_lead', (text) => {
  expect(resultOf(text)).toStrictEqual({
    kind: 'refused',
    result: { outcome: 'unknown', response: 'the response is not from VICIdial’s API' },
  });
});

test('a notice before the error does not hide it', () => {
  const text = 'NOTICE: add_lead SOMETHING - 1\nERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi';
  expect(resultOf(text)).toStrictEqual({
    kind: 'refused',
    result: {
      outcome: 'rejected',
      response: 'add_lead INVALID PHONE NUMBER LENGTH (list 1001)',
      isFinal: true,
    },
  });
});

test.each(['update_lead NO MATCHES FOUND IN THE SYSTEM', 'SYSTEM IS BUSY'])(
  'after the error %j of something else the outcome is unknown',
  (error) => {
    expect(resultOf(`ERROR: ${error} - 7840258823|leadsapi`)).toStrictEqual({
      kind: 'refused',
      result: { outcome: 'unknown', response: error },
    });
  },
);

test.each([
  ['LIST - 7840258823|1001|42', '1001'],
  ['CAMPAIGN LISTS - 7840258823|1001|42|1007', '1007'],
  ['SYSTEM - 7840258823|1001|42|1007', '1007'],
])('the duplicate IN %s is lead 42 of list %s', (rest, list) => {
  const text = `ERROR: add_lead DUPLICATE PHONE NUMBER IN ${rest}`;
  expect(resultOf(text)).toMatchObject({ kind: 'duplicate', id: '42', list });
});

test.each([
  'add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED - 7840258823|1001',
  'add_lead NOT AN ALLOWED LIST ID - 7840258823|1001',
  'add_lead CAMPAIGN DOES NOT EXIST - MOTOR|1001',
])('the error %j about the list pauses its type, and delivery resumes by itself', (error) => {
  const result = resultOf(`ERROR: ${error}`);
  const message = error.split(' - ')[0];
  expect(result).toMatchObject({
    kind: 'refused',
    result: {
      outcome: 'unavailable',
      response: `${message} (list 1001)`,
      pause: {
        reason: expect.stringContaining(`${message} (list 1001): `),
        isOfType: true,
        retryAfter: 60_000,
      },
    },
  });
});

test.each([
  [
    'Login incorrect, please try again: |leadsapi|marked|BAD|',
    'Login incorrect, please try again',
    undefined,
  ],
  ['Login incorrect|marked', 'Login incorrect', undefined],
  ['  Login incorrect - marked', 'Login incorrect', undefined],
  [
    'Too many login attempts, try again in 15 minutes',
    'Too many login attempts, try again in 15 minutes',
    900_000,
  ],
  ['Your IP Address is not allowed: |marked|', 'Your IP Address is not allowed', 900_000],
  ['NO FUNCTION SPECIFIED', 'NO FUNCTION SPECIFIED', undefined],
  [
    'add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM - marked',
    'add_lead USER DOES',
    60_000,
  ],
  ['auth USER DOES NOT HAVE PERMISSION - leadsapi - marked|x', 'auth USER DOES NOT HAVE PERMISSION', 60_000],
  ['auth user_group DOES NOT EXIST - marked', 'auth user_group DOES NOT EXIST', 60_000],
])('the sender error %j pauses all delivery, without its values', (error, reason, retryAfter) => {
  const [line] = parseLines(`ERROR: ${error}\n`);
  const pause = senderPause(line?.message ?? '');
  expect(pause?.reason).toContain(reason);
  expect(pause?.reason).not.toContain('marked');
  expect(pause?.isOfType).toBeUndefined();
  expect(pause?.retryAfter).toBe(retryAfter);
});

test('a failure of VICIdial’s database neither rejects the lead nor pauses delivery', () => {
  expect(resultOf('ERROR: add_lead LEAD HAS NOT BEEN ADDED - 7840258823|leadsapi')).toStrictEqual({
    kind: 'refused',
    result: { outcome: 'unavailable', response: 'add_lead LEAD HAS NOT BEEN ADDED' },
  });
});

test.each([
  ['NOTICE: add_lead CUSTOM FIELDS NOT ADDED, CUSTOM FIELDS DISABLED - 1', true],
  ['NOTICE: add_lead CUSTOM FIELDS VALUES ADDED - 1', false],
  ['NOTICE: add_lead NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME - 1', false],
])('whether %j reports a loss: %s', (text, expected) => {
  expect(parseLines(text).map(isLoss)).toEqual([expected]);
});

test('no text without a line of add_lead adds or rejects a lead', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!text.includes('add_lead '));
      const result = resultOf(text);
      expect(result.kind === 'refused' && result.result.outcome !== 'rejected').toBe(true);
    }),
  );
});

test('no value of a line is part of the result, except for ids', () => {
  const value = fc.string({ minLength: 1, unit: fc.constantFrom('§', '|', ' ', '-', ':') });
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('NOT A DEFINED LIST ID', 'DUPLICATE PHONE NUMBER IN LIST'),
      (values, error) => {
        const result = resultOf(`ERROR: add_lead ${error} - §${values}§|leadsapi`);
        expect(JSON.stringify(result)).not.toContain('§');
      },
    ),
  );
});
