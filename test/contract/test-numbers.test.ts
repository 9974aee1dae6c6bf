/** The test numbers of openapi.yaml, which the simulation, the page and the tests of outcomes read. */
import { expect, test } from 'vitest';
import { readTestNumbers } from '../../src/contract/test-numbers.ts';
import { callResults } from '../../src/leads/call-result.ts';
import { submissionOutcomes } from '../../src/leads/lead.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { isTestNumber, parseTestNumber, withTestNumbers } from '../../src/leads/test-numbers.ts';

const { all, of } = readTestNumbers();

test('each line of the table has two digits of its own, and known values', () => {
  const members = ['ending', 'outcome', 'state', 'attempts', 'result', 'cancelled', 'description'];
  for (const number of all) {
    expect(number.ending).toMatch(/^\d\d$/);
    expect(number.description).toMatch(/^[A-Z].*\.$/);
    expect(Object.keys(number).filter((name) => !members.includes(name))).toEqual([]);
    expect(number.state === undefined).toBe(number.outcome !== 'accepted');
  }
  expect(new Set(all.map(({ ending }) => ending)).size).toBe(all.length);
});

test('there is a number for every outcome that a number can have, for every result and for the end of every lead', () => {
  const outcomes = submissionOutcomes.filter((outcome) => outcome !== 'unknown-type');
  expect([...new Set(all.map(({ outcome }) => outcome))].toSorted()).toEqual(outcomes.toSorted());
  const results = all.flatMap(({ result }) => result ?? []);
  expect([...new Set(results)].toSorted()).toEqual(callResults.toSorted());
  expect(new Set(all.map(({ state }) => state))).toEqual(
    new Set(['dialled', 'suppressed', 'failed', 'scheduled', 'expired', undefined]),
  );
});

test('finds the line of a number by its last two digits', () => {
  expect(of('+447700900706')).toMatchObject({ ending: '06', result: 'converted' });
  expect(of('+447700900799')).toBeUndefined();
  expect(of('+447840258806')).toBeUndefined();
});

const notations = [
  '07700900123',
  '07700 900 123',
  '+44 7700 900123',
  '0044 7700-900-123',
  '+44 (0) 7700 900123',
  '7700900123',
];

for (const text of notations) {
  test(`reads a test number in the notation ${text}, whatever the country is`, () => {
    expect(parseTestNumber(text)).toBe('+447700900123');
    for (const country of ['GB', 'FR', 'US'] as const) {
      const phones = withTestNumbers(
        phoneParsers(country, { countries: new Set(['US']), special: new Set() }),
      );
      expect(phones.parse(text)).toBe('+447700900123');
      expect(phones.parseCallable(text)).toBe('+447700900123');
      expect(phones.reasonNotCallable(text)).toBeUndefined();
    }
  });
}

test('reads no other number as a test number, and other numbers as before', () => {
  for (const text of ['07700901000', '07840258823', '+447700900', '+4477009001234', '+17700900123', ''])
    expect(parseTestNumber(text)).toBeUndefined();
  expect(isTestNumber('+447840258823')).toBe(false);
  const phones = withTestNumbers(phoneParsers('GB'));
  expect(phones.parse('07840258823')).toBe('+447840258823');
  expect(phones.parseCallable('09098790000')).toBeUndefined();
  expect(phones.reasonNotCallable('09098790000')).toContain('premium-rate');
});
