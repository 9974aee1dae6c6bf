/** Whoever owns a premium-rate number earns from calls to it: a form that is filled in with one must not make any. */
import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import { getCountries, getExampleNumber, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { expect, test } from 'vitest';
import { type CountryCode, phones } from '../../src/leads/phone.ts';
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

function ruled(rule: Partial<PhonePolicy>, country: CountryCode = 'GB') {
  return phones(country, { ...defaultPhonePolicy, ...rule });
}

/** As people write it: the rule is the same however a number is read. */
function spellings(e164: string): string[] {
  const national = e164.startsWith('+44')
    ? [`0${e164.slice(3)}`, `0${e164.slice(3, 6)} ${e164.slice(6)}`]
    : [];
  return [e164, `00${e164.slice(1)}`, `${e164.slice(0, 4)} ${e164.slice(4)}`, ...national];
}

test.each(premium)(
  'the premium-rate number of %s %s is valid, and called only if that is allowed',
  (_, number) => {
    for (const written of spellings(number)) {
      const refusing = ruled({});
      expect(refusing.read(written), written).toBe(number);
      expect(refusing.parseCallable(written), written).toBeUndefined();
      expect(refusing.reasonNotCallable(written)).toBe(
        'a premium-rate number, which ALLOWED_SPECIAL_NUMBERS does not list',
      );
      expect(ruled({ special: new Set(['satellite']) }).parseCallable(written)).toBeUndefined();
      const allowing = ruled({ special: new Set(['premium-rate']) });
      expect(allowing.parseCallable(written), written).toBe(number);
      expect(allowing.reasonNotCallable(written)).toBeUndefined();
    }
  },
);

test.each(satellite)(
  'the satellite number %s is valid, and called only if that is allowed, whatever the countries',
  (number) => {
    for (const written of spellings(number)) {
      expect(ruled({}).read(written)).toBe(number);
      expect(ruled({}).parseCallable(written)).toBeUndefined();
      expect(ruled({}).reasonNotCallable(written)).toBe(
        'a satellite number, which ALLOWED_SPECIAL_NUMBERS does not list',
      );
      const allowing = ruled({ special: new Set(['satellite']), countries: new Set(['GB']) });
      expect(allowing.parseCallable(written)).toBe(number);
    }
  },
);

test.each(ordinary)('the ordinary number %s is called', (number) => {
  for (const written of spellings(number)) {
    expect(ruled({}).parseCallable(written)).toBe(number);
    expect(ruled({}).reasonNotCallable(written)).toBeUndefined();
  }
});

test('of every country, mobile numbers are called, and only there where the country is allowed', () => {
  const british = ruled({ countries: new Set(['GB']) });
  for (const each of getCountries()) {
    const number = getExampleNumber(each, examples)?.number ?? '';
    // The plans of a few do not tell them from the country whose calling code they share, such as Åland.
    const country = parsePhoneNumberFromString(number)?.country ?? each;
    expect(ruled({}).parseCallable(number), country).toBe(number);
    expect(phones(country).parseCallable(number), country).toBe(number);
    expect(british.parseCallable(number), country).toBe(country === 'GB' ? number : undefined);
    expect(ruled({ countries: new Set([country]) }).parseCallable(number), country).toBe(number);
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
])('%s has its own %s, although four countries share the calling code', (country, number) => {
  for (const allowed of ['GB', 'GG', 'IM', 'JE'] as const) {
    const reader = ruled({ countries: new Set([allowed]) });
    for (const written of spellings(number)) {
      expect(reader.parseCallable(written), `${written} for ${allowed}`).toBe(
        allowed === country ? number : undefined,
      );
    }
    expect(reader.reasonNotCallable(number)).toBe(
      allowed === country ? undefined : `a number of ${country}, which ALLOWED_COUNTRIES does not list`,
    );
  }
});

test('a number of no country is called only if all countries are, and what is no number has no reason', () => {
  const british = ruled({ countries: new Set(['GB']) });
  expect(ruled({}).parseCallable('+80012345678')).toBe('+80012345678');
  expect(british.parseCallable('+80012345678')).toBeUndefined();
  expect(british.reasonNotCallable('+80012345678')).toBe(
    'a number of no country (+800), and ALLOWED_COUNTRIES is set',
  );
  expect(british.reasonNotCallable('12')).toBeUndefined();
  // Both must hold.
  const premiumAbroad = ruled({ countries: new Set(['GB']), special: new Set(['premium-rate']) });
  expect(premiumAbroad.parseCallable('+33891123456')).toBeUndefined();
});

test('whether a number is read by the usual patterns or by the library, the same ones are called', () => {
  const countries = getCountries();
  const rules = [
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
  const readers = rules.map((rule) => new Map(countries.map((country) => [country, ruled(rule, country)])));
  fc.assert(
    fc.property(written, fc.constantFrom(...readers), ({ country, national, callingCode }, byCountry) => {
      const reader = byCountry.get(country);
      for (const number of [`+${callingCode}${national}`, `0${national}`]) {
        const read = reader?.read(number);
        // A space leaves a number to the library.
        const spaced = `${number.slice(0, -2)} ${number.slice(-2)}`;
        expect(reader?.parseCallable(spaced), number).toBe(reader?.parseCallable(number));
        const isCalled = read !== undefined && reader?.reasonNotCallable(number) === undefined;
        expect(reader?.parseCallable(number), number).toBe(isCalled ? read : undefined);
      }
    }),
    { numRuns: 500 },
  );
});
