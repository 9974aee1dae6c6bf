/** One person is one number, however it is written: else a person is rung twice, or never found to be cancelled. */
import { describe, expect, test } from 'vitest';
import { type CountryCode, isCountry, phoneParser } from '../../src/leads/phone.ts';
import { post } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { leadsIn, startServer } from '../harness/server.ts';

const read = phoneParser('GB');

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
])('%o is the person +447840258823, in the reader and in the contract', async (written) => {
  expect(read(written)).toBe('+447840258823');
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
])('%o is no phone number', (written) => expect(read(written)).toBeUndefined());

describe('numbers of other countries, in international form and as they are written at home', () => {
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
  ])('%s: %s and %s are %s', (country, home, abroad, e164) => {
    expect(phoneParser(country)(home)).toBe(e164);
    expect(read(abroad)).toBe(e164);
    expect(read(abroad.replace('+', '00'))).toBe(e164);
  });
});

test('a reading that is remembered is the reading of the same text', () => {
  const reader = phoneParser('GB');
  const numbers = Array.from({ length: 5_000 }, (_, index) => `07840${String(index).padStart(6, '0')}`);
  for (const number of [...numbers, ...numbers.toReversed()]) {
    expect(reader(number)).toBe(`+44${number.slice(1)}`);
    expect(reader(number)).toBe(`+44${number.slice(1)}`);
  }
});

test('a country is known by its two letters', () => {
  expect(isCountry('GB')).toBe(true);
  expect(isCountry('UK')).toBe(false);
  expect(isCountry('gb')).toBe(false);
});
