/** The fast parser must give the same result as the library for every number that it accepts. */
import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import {
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/min';
import { expect, test } from 'vitest';
import { fastCountryFinder } from '../../src/leads/fast-country-finder.ts';
import { fastPhoneParser } from '../../src/leads/fast-phone-parser.ts';
import type { CountryCode } from '../../src/leads/phone.ts';
import { planOf } from '../../src/leads/phone-library.ts';

function parseWithLibrary(text: string, defaultCountry: CountryCode): string | undefined {
  const number = parsePhoneNumberFromString(text, { defaultCountry, extract: false });
  return number?.isValid() ? number.number : undefined;
}

const parsers = getCountries().map((country) => ({
  country,
  callingCode: getCountryCallingCode(country),
  parse: fastPhoneParser(country),
}));

/** Generates numbers that resemble a country's mobile numbers, in the forms that people write. */
const phoneLikeText = fc.constantFrom(...getCountries()).chain((country) => {
  const { nationalNumber = '', countryCallingCode = '' } = getExampleNumber(country, examples) ?? {};
  const kept = fc.integer({ min: 0, max: nationalNumber.length });
  const rest = fc.stringMatching(/^[0-9]{0,10}$/);
  const begin = fc.constantFrom('', '0', '00', '1', `+${countryCallingCode}`, `+${countryCallingCode}0`, '+');
  return fc.record({ begin, kept, rest }).map((parts) => ({
    callingCode: countryCallingCode,
    text: parts.begin + nationalNumber.slice(0, parts.kept) + parts.rest,
  }));
});

test('returns the same result as the library, in every country', () => {
  fc.assert(
    fc.property(phoneLikeText, ({ callingCode, text }) => {
      for (const { country, parse } of parsers.filter((parser) => parser.callingCode === callingCode)) {
        const e164 = parse(text);
        if (e164 !== undefined) expect(parseWithLibrary(text, country)).toBe(e164);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('finds the same country as the library, for every calling code', () => {
  const mains = getCountries().filter(
    (country) => planOf(country).getCountryCodesForCallingCode(getCountryCallingCode(country))[0] === country,
  );
  const finders = new Map(
    mains.map((main) => [`${getCountryCallingCode(main)}`, fastCountryFinder(planOf(main))]),
  );
  const found = new Set<string>();
  for (const country of getCountries()) {
    const { nationalNumber = '', countryCallingCode = '' } = getExampleNumber(country, examples) ?? {};
    const shortened = nationalNumber.slice(0, -4);
    for (const national of [nationalNumber, `${shortened}0000`, `7${nationalNumber.slice(1)}`]) {
      const result = finders.get(countryCallingCode)?.(national);
      if (result === undefined) continue;
      found.add(result);
      expect(parsePhoneNumberFromString(`+${countryCallingCode}${national}`)?.country).toBe(result);
    }
  }
  expect([...found]).toEqual(expect.arrayContaining(['GB', 'GG', 'JE', 'DE', 'FR', 'US', 'AU', 'IN']));
});

test.each<[CountryCode, home: string, abroad: string]>([
  ['GB', '07840258823', '+447840258823'],
  // Guernsey and Jersey share the calling code.
  ['GB', '07839123456', '+447839123456'],
  ['GB', '07829123456', '+447829123456'],
  ['DE', '015123456789', '+4915123456789'],
  ['FR', '0612345678', '+33612345678'],
  ['AU', '0412345678', '+61412345678'],
])('parses numbers of %s that consist of digits alone, without the library', (country, home, abroad) => {
  const parse = fastPhoneParser(country);
  expect(parse(home)).toBe(abroad);
  expect(parse(abroad)).toBe(abroad);
});
