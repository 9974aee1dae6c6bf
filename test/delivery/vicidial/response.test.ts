/** The lines of text in VICIdial's response decide whether it has a lead and, if not, why. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resultOf } from '../../../src/delivery/diallers/vicidial/response.ts';

const added = 'SUCCESS: add_lead LEAD HAS BEEN ADDED - 07840258823|1001|42||leadsapi';

describe('a lead that was added', () => {
  test('is delivered, with the id and the list', () => {
    expect(resultOf(added, false)).toStrictEqual({ outcome: 'delivered', response: 'lead 42 of list 1001' });
  });

  test('is delivered if other output precedes the line, or an error or a notice follows it', () => {
    const text = `Warning: deprecated\nERROR: log file is not writable\r\n${added}\r\nNOTICE: add_lead ADDED TO HOPPER - 07840258823|42\nNOTICE: add_lead CUSTOM FIELDS NOT ADDED, CUSTOM FIELDS DISABLED - 07840258823`;
    expect(resultOf(text, false)).toStrictEqual({
      outcome: 'delivered',
      response:
        'lead 42 of list 1001; add_lead ADDED TO HOPPER; add_lead CUSTOM FIELDS NOT ADDED, CUSTOM FIELDS DISABLED',
    });
  });
});

test('the success of another function does not deliver the lead', () => {
  expect(resultOf('SUCCESS: version - 2.14|1001|42', false)).toStrictEqual({
    outcome: 'unknown',
    response: 'the response is not from VICIdial’s API',
  });
});

test('a notice before the error does not hide it', () => {
  const text = 'NOTICE: add_lead SOMETHING - 1\nERROR: add_lead INVALID PHONE NUMBER LENGTH - 12|leadsapi';
  expect(resultOf(text, false)).toStrictEqual({
    outcome: 'rejected',
    response: 'add_lead INVALID PHONE NUMBER LENGTH',
  });
});

test('a notice alone is not a result', () => {
  expect(resultOf('NOTICE: add_lead INVALID PHONE NUMBER - 1', false).outcome).toBe('unknown');
});

test.each([
  'update_lead NO MATCHES FOUND IN THE SYSTEM',
  'SYSTEM IS BUSY',
  'update_lead: add_lead DUPLICATE PHONE NUMBER IN LIST',
])('after the error %j of something else the outcome is unknown', (error) => {
  for (const mayHaveArrived of [false, true]) {
    expect(resultOf(`ERROR: ${error} - 07840258823|leadsapi`, mayHaveArrived)).toStrictEqual({
      outcome: 'unknown',
      response: error,
    });
  }
});

test('an error of add_lead that only mentions a sender error rejects the lead', () => {
  const response = 'add_lead INVALID SOURCE auth x';
  expect(resultOf(`ERROR: ${response}`, false)).toStrictEqual({ outcome: 'rejected', response });
});

test('treats a duplicate as delivered only if an earlier attempt may have arrived', () => {
  const text = 'ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 07840258823|1001|42';
  const response = 'add_lead DUPLICATE PHONE NUMBER IN LIST';
  expect(resultOf(text, false)).toStrictEqual({ outcome: 'rejected', response });
  expect(resultOf(text, true)).toStrictEqual({
    outcome: 'delivered',
    response: `${response}: delivered by an earlier attempt`,
  });
  expect(resultOf('ERROR: add_lead PHONE NUMBER IN DNC - 07840258823', true).outcome).toBe('rejected');
});

test.each([
  ['Login incorrect, please try again: |leadsapi|marked|BAD|', 'Login incorrect, please try again'],
  ['Login incorrect, please try again:|leadsapi|marked|BAD|', 'Login incorrect, please try again'],
  ['Login incorrect|marked', 'Login incorrect'],
  ['  Login incorrect - marked', 'Login incorrect'],
  ['login incorrect  - marked', 'login incorrect'],
  ['NO FUNCTION SPECIFIED', 'NO FUNCTION SPECIFIED'],
  [
    'add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM - marked',
    'add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM',
  ],
  ['auth USER DOES NOT HAVE PERMISSION - leadsapi - marked|x', 'auth USER DOES NOT HAVE PERMISSION'],
])('the sender error %j pauses delivery, without its values', (error, response) => {
  expect(resultOf(`ERROR: ${error}\n`, false)).toStrictEqual({
    outcome: 'unavailable',
    response,
    pauseReason: response,
  });
});

test('a failure of VICIdial’s database neither rejects the lead nor pauses delivery', () => {
  expect(resultOf('ERROR: add_lead LEAD HAS NOT BEEN ADDED - 07840258823|leadsapi', true)).toStrictEqual({
    outcome: 'unavailable',
    response: 'add_lead LEAD HAS NOT BEEN ADDED',
  });
});

test('no text without a line of add_lead delivers or rejects a lead', () => {
  fc.assert(
    fc.property(fc.string(), fc.boolean(), (text, mayHaveArrived) => {
      fc.pre(!text.includes('add_lead '));
      const { outcome } = resultOf(text, mayHaveArrived);
      expect(outcome === 'delivered' || outcome === 'rejected').toBe(false);
    }),
  );
});

test('no value of an error is part of the result', () => {
  const value = fc.string({ minLength: 1, unit: fc.constantFrom('§', '|', ' ', '-', ':') });
  fc.assert(
    fc.property(value, fc.boolean(), (values, mayHaveArrived) => {
      const result = resultOf(`ERROR: add_lead NOT A DEFINED LIST ID - §${values}§|leadsapi`, mayHaveArrived);
      expect(JSON.stringify(result)).not.toContain('§');
    }),
  );
});
