/** All spellings of a number are one person; otherwise a person is called twice, or cannot be cancelled. */
import { describe, expect, test } from 'vitest';
import { type CountryCode, isCountry, phoneParsers } from '../../src/leads/phone.ts';
import { post } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { leadsIn, startServer } from '../harness/server.ts';

const parse = phoneParsers('GB').parse;

test.each([
  '07840258823',
  '07840 258823',
  '07840-258-823',
  '(07840) 258823',
  '07840.258.823',
  '07840/258823',
  ' 07840258823 ',
  '+447840258823',
  '+44 7840 258823',
  '+44 (0)7840 258823',
  '(+44) 7840 258823',
  '0044 7840 258823',
  '00447840258823',
  '07840\u00a0258823',
  '07840\u2011258823',
])('%o is parsed as +447840258823, and an added lead has that number', async (written) => {
  expect(parse(written)).toBe('+447840258823');
  const server = await startServer();
  await post(server, 'addLead', { ...requestValue('addLead', 'accepted'), mobile: written });
  expect((await leadsIn(server.store)).map(({ mobile }) => mobile)).toEqual(['+447840258823']);
});

test.each([
  '',
  '0784025882',
  '078402588233',
  '12345',
  '+44',
  '+999 123456789',
  '07840258823x5',
  '0044',
  'O7840258823',
])('%o is not a valid phone number', (written) => expect(parse(written)).toBeUndefined());

describe('national and international spellings by country', () => {
  test.each<[CountryCode, home: string, abroad: string, e164: string]>([
    ['GB', '020 7946 0958', '+44 20 7946 0958', '+442079460958'],
    ['DE', '0151 23456789', '+49 151 23456789', '+4915123456789'],
    ['FR', '06 12 34 56 78', '+33 6 12 34 56 78', '+33612345678'],
    ['ES', '612 34 56 78', '+34 612 34 56 78', '+34612345678'],
    ['IT', '312 345 6789', '+39 312 345 6789', '+393123456789'],
    ['NL', '06 12345678', '+31 6 12345678', '+31612345678'],
    ['PL', '512 345 678', '+48 512 345 678', '+48512345678'],
    ['IE', '085 012 3456', '+353 85 012 3456', '+353850123456'],
    ['US', '(201) 555-0123', '+1 201-555-0123', '+12015550123'],
    ['IN', '081234 56789', '+91 81234 56789', '+918123456789'],
    ['AU', '0412 345 678', '+61 412 345 678', '+61412345678'],
    ['ZA', '071 123 4567', '+27 71 123 4567', '+27711234567'],
    ['BR', '(11) 96123-4567', '+55 11 96123-4567', '+5511961234567'],
    ['JP', '090-1234-5678', '+81 90-1234-5678', '+819012345678'],
  ])('%s: %s and %s are parsed as %s', (country, home, abroad, e164) => {
    expect(phoneParsers(country).parse(home)).toBe(e164);
    expect(parse(abroad)).toBe(e164);
    expect(parse(abroad.replace('+', '00'))).toBe(e164);
  });
});

test('returns a memoised result only for the same text', () => {
  const memoised = phoneParsers('GB').parse;
  const numbers = Array.from({ length: 5_000 }, (_, index) => `07840${String(index).padStart(6, '0')}`);
  for (const number of [...numbers, ...numbers.toReversed()]) {
    expect(memoised(number)).toBe(`+44${number.slice(1)}`);
    expect(memoised(number)).toBe(`+44${number.slice(1)}`);
  }
});

test('a country code is two upper-case letters of ISO 3166-1', () => {
  expect(isCountry('GB')).toBe(true);
  expect(isCountry('UK')).toBe(false);
  expect(isCountry('gb')).toBe(false);
});
