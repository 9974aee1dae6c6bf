/** Most numbers are read by patterns that are compiled once; whoever sends one must not notice by which way. */
import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import {
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/min';
import { expect, test } from 'vitest';
import { fastPhoneParser } from '../../src/leads/fast-phone-parser.ts';
import type { CountryCode } from '../../src/leads/phone.ts';

function readByLibrary(written: string, defaultCountry: CountryCode): string | undefined {
  const number = parsePhoneNumberFromString(written, { defaultCountry, extract: false });
  return number?.isValid() ? number.number : undefined;
}

const readers = getCountries().map((country) => ({
  country,
  callingCode: getCountryCallingCode(country),
  read: fastPhoneParser(country),
}));

/** A number that is near a country's mobile numbers, in one of the forms that people write. */
const writtenNumber = fc.constantFrom(...getCountries()).chain((country) => {
  const { nationalNumber = '', countryCallingCode = '' } = getExampleNumber(country, examples) ?? {};
  const kept = fc.integer({ min: 0, max: nationalNumber.length });
  const rest = fc.stringMatching(/^[0-9]{0,10}$/);
  const begin = fc.constantFrom('', '0', '00', '1', `+${countryCallingCode}`, `+${countryCallingCode}0`, '+');
  return fc.record({ begin, kept, rest }).map((parts) => ({
    callingCode: countryCallingCode,
    written: parts.begin + nationalNumber.slice(0, parts.kept) + parts.rest,
  }));
});

test('of every country, a number that is read by the patterns is read alike by the library', () => {
  fc.assert(
    fc.property(writtenNumber, ({ callingCode, written }) => {
      for (const { country, read } of readers.filter((reader) => reader.callingCode === callingCode)) {
        const usual = read(written);
        if (usual !== undefined) expect(readByLibrary(written, country)).toBe(usual);
      }
    }),
    { numRuns: 3_000 },
  );
});

test.each<[CountryCode, home: string, abroad: string]>([
  ['GB', '07840258823', '+447840258823'],
  // Of Guernsey and of Jersey, which share the calling code.
  ['GB', '07839123456', '+447839123456'],
  ['GB', '07829123456', '+447829123456'],
  ['DE', '015123456789', '+4915123456789'],
  ['FR', '0612345678', '+33612345678'],
  ['AU', '0412345678', '+61412345678'],
])(
  'numbers of %s in digits alone are read by the patterns, and not left to the library',
  (country, home, abroad) => {
    const read = fastPhoneParser(country);
    expect(read(home)).toBe(abroad);
    expect(read(abroad)).toBe(abroad);
  },
);
