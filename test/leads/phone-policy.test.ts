/** Owners of premium-rate numbers earn from calls to them, so a form filled in with one must not cause a call. */
import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import { getCountries, getExampleNumber, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { expect, test } from 'vitest';
import { type CountryCode, phoneParsers } from '../../src/leads/phone.ts';
import { defaultPhonePolicy, type PhonePolicy } from '../../src/leads/phone-policy.ts';

const premium: [country: string, number: string][] = [
  ['GB', '+449098790000'],
  ['GB', '+448431234567'],
  ['GG', '+449012345678'],
  ['DE', '+499001234567'],
  ['DE', '+491801234567'],
  ['FR', '+33891123456'],
  ['IT', '+39892123'],
  ['US', '+19002345678'],
  ['JP', '+81990123456'],
  ['global', '+979123456789'],
  ['global', '+80812345678'],
];
const satellite = ['+870773111632', '+881612345678', '+88216123456', '+883510012345678'];
const ordinary = [
  '+447840258823',
  '+442079460958',
  '+447012345678',
  '+4915123456789',
  '+80012345678',
  '+12015550123',
];

function parsersFor(policy: Partial<PhonePolicy>, country: CountryCode = 'GB') {
  return phoneParsers(country, { ...defaultPhonePolicy, ...policy });
}

/** Ways to write a number: the policy applies to all of them. */
function spellings(e164: string): string[] {
  const national = e164.startsWith('+44')
    ? [`0${e164.slice(3)}`, `0${e164.slice(3, 6)} ${e164.slice(6)}`]
    : [];
  return [e164, `00${e164.slice(1)}`, `${e164.slice(0, 4)} ${e164.slice(4)}`, ...national];
}

test.each(premium)('the premium-rate number (%s) %s is valid, but callable only if allowed', (_, number) => {
  for (const written of spellings(number)) {
    const restrictive = parsersFor({});
    expect(restrictive.parse(written), written).toBe(number);
    expect(restrictive.parseCallable(written), written).toBeUndefined();
    expect(restrictive.reasonNotCallable(written)).toBe(
      'a premium-rate number, which ALLOWED_SPECIAL_NUMBERS does not list',
    );
    expect(parsersFor({ special: new Set(['satellite']) }).parseCallable(written)).toBeUndefined();
    const permissive = parsersFor({ special: new Set(['premium-rate']) });
    expect(permissive.parseCallable(written), written).toBe(number);
    expect(permissive.reasonNotCallable(written)).toBeUndefined();
  }
});

test.each(satellite)(
  'the satellite number %s is valid, but callable only if allowed, regardless of ALLOWED_COUNTRIES',
  (number) => {
    for (const written of spellings(number)) {
      expect(parsersFor({}).parse(written)).toBe(number);
      expect(parsersFor({}).parseCallable(written)).toBeUndefined();
      expect(parsersFor({}).reasonNotCallable(written)).toBe(
        'a satellite number, which ALLOWED_SPECIAL_NUMBERS does not list',
      );
      const permissive = parsersFor({ special: new Set(['satellite']), countries: new Set(['GB']) });
      expect(permissive.parseCallable(written)).toBe(number);
    }
  },
);

test.each(ordinary)('the ordinary number %s is callable', (number) => {
  for (const written of spellings(number)) {
    expect(parsersFor({}).parseCallable(written)).toBe(number);
    expect(parsersFor({}).reasonNotCallable(written)).toBeUndefined();
  }
});

test('mobile numbers of every country are callable if the country is allowed', () => {
  const british = parsersFor({ countries: new Set(['GB']) });
  for (const each of getCountries()) {
    const number = getExampleNumber(each, examples)?.number ?? '';
    // Some plans cannot be distinguished from that of the country with the same calling code, such as Åland.
    const country = parsePhoneNumberFromString(number)?.country ?? each;
    expect(parsersFor({}).parseCallable(number), country).toBe(number);
    expect(phoneParsers(country).parseCallable(number), country).toBe(number);
    expect(british.parseCallable(number), country).toBe(country === 'GB' ? number : undefined);
    expect(parsersFor({ countries: new Set([country]) }).parseCallable(number), country).toBe(number);
  }
});

test.each<[country: CountryCode, number: string]>([
  ['GB', '+447840258823'],
  ['GB', '+441212345678'],
  ['GG', '+447781123456'],
  ['GG', '+441481256789'],
  ['IM', '+447624123456'],
  ['IM', '+441624756789'],
  ['JE', '+447797712345'],
  ['JE', '+441534456789'],
])('%s: %s belongs to this country only, although four share the calling code', (country, number) => {
  for (const allowed of ['GB', 'GG', 'IM', 'JE'] as const) {
    const parser = parsersFor({ countries: new Set([allowed]) });
    for (const written of spellings(number)) {
      expect(parser.parseCallable(written), `${written} for ${allowed}`).toBe(
        allowed === country ? number : undefined,
      );
    }
    expect(parser.reasonNotCallable(number)).toBe(
      allowed === country ? undefined : `a number of ${country}, which ALLOWED_COUNTRIES does not list`,
    );
  }
});

test('a number of no country is callable only if all countries are allowed; invalid text has no reason', () => {
  const british = parsersFor({ countries: new Set(['GB']) });
  expect(parsersFor({}).parseCallable('+80012345678')).toBe('+80012345678');
  expect(british.parseCallable('+80012345678')).toBeUndefined();
  expect(british.reasonNotCallable('+80012345678')).toBe(
    'a number of no country (+800), and ALLOWED_COUNTRIES is set',
  );
  expect(british.reasonNotCallable('12')).toBeUndefined();
  // Both rules must allow the number.
  const premiumAbroad = parsersFor({ countries: new Set(['GB']), special: new Set(['premium-rate']) });
  expect(premiumAbroad.parseCallable('+33891123456')).toBeUndefined();
});

test('the fast parser and the library allow the same numbers', () => {
  const countries = getCountries();
  const policies = [
    {},
    { countries: new Set<CountryCode>(['GB', 'DE', 'US']) },
    { special: new Set(['premium-rate'] as const) },
  ];
  const written = fc.constantFrom(...countries).chain((country) => {
    const { nationalNumber = '', countryCallingCode = '' } = getExampleNumber(country, examples) ?? {};
    return fc.record({
      country: fc.constant(country),
      national: fc.oneof(
        fc.constant(nationalNumber),
        fc.stringMatching(/^(8|9|7|1)[0-9]{7,10}$/),
        fc.nat({ max: 9_999 }).map((end) => nationalNumber.slice(0, -4) + String(end).padStart(4, '0')),
      ),
      callingCode: fc.constant(countryCallingCode),
    });
  });
  const parsers = policies.map(
    (policy) => new Map(countries.map((country) => [country, parsersFor(policy, country)])),
  );
  fc.assert(
    fc.property(written, fc.constantFrom(...parsers), ({ country, national, callingCode }, byCountry) => {
      const parser = byCountry.get(country);
      for (const number of [`+${callingCode}${national}`, `0${national}`]) {
        const parsed = parser?.parse(number);
        // Numbers with a space are parsed by the library.
        const spaced = `${number.slice(0, -2)} ${number.slice(-2)}`;
        expect(parser?.parseCallable(spaced), number).toBe(parser?.parseCallable(number));
        const isCallable = parsed !== undefined && parser?.reasonNotCallable(number) === undefined;
        expect(parser?.parseCallable(number), number).toBe(isCallable ? parsed : undefined);
      }
    }),
    { numRuns: 500 },
  );
});
