import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from './phone-library.ts';
import { usualNumberReader } from './usual-number.ts';

export type { CountryCode };

/** Reads a phone number as a person writes it: its E.164 form, or undefined where it is no valid number. */
export type ReadPhone = (written: string) => string | undefined;

/** `(+44) 7840 258823`: the library takes a bracket around an area code only. */
const bracket = /^[\s(]+(?=\+)/;

/**
 * Makes a reader that takes national numbers as numbers of `defaultCountry`.
 *
 * A number is valid when its length and leading digits fit its country's numbering plan. Whether the
 * range is in use is not asked: a new range would be refused until the next release of the metadata.
 */
export function phoneReader(defaultCountry: CountryCode): ReadPhone {
  const readUsual = usualNumberReader(defaultCountry);
  // Validation and lead logic read the same number one after the other.
  let last: string | undefined;
  let reading: string | undefined;
  return (written) => {
    if (written === last) return reading;
    reading = readUsual(written) ?? readAny(written, defaultCountry);
    last = written;
    return reading;
  };
}

function readAny(written: string, defaultCountry: CountryCode): string | undefined {
  const number = parsePhoneNumberFromString(written.replace(bracket, ''), { defaultCountry, extract: false });
  return number?.isValid() && number.ext === undefined ? number.number : undefined;
}

/** Whether `code` is a country (ISO 3166-1 alpha-2, upper case) whose numbers can be read. */
export function isCountry(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/** The ways in which a dialler may want a number: 07840258823, 7840258823 or 447840258823. */
export const numberForms = ['national', 'significant', 'international'] as const;

export type NumberForm = (typeof numberForms)[number];

/** The digits of a number, in one of these forms, and its country code. */
export function digitsOf(e164: string, form: NumberForm): { countryCode: string; digits: string } {
  const number = parsePhoneNumberFromString(e164);
  if (number === undefined) throw new Error('An E.164 number cannot be read.');
  const digits = {
    national: () => number.formatNational().replace(/\D/g, ''),
    significant: () => String(number.nationalNumber),
    international: () => e164.replace(/\D/g, ''),
  };
  return { countryCode: number.countryCallingCode, digits: digits[form]() };
}
