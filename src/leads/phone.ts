import { fastPhoneParser } from './fast-phone-parser.ts';
import {
  type CountryCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from './phone-library.ts';
import { defaultPhonePolicy, judge, type PhonePolicy } from './phone-policy.ts';

export type { CountryCode };

/** Reads a phone number as a person writes it: its E.164 form, or undefined where it is no valid number. */
export type ParsePhone = (written: string) => string | undefined;

/** `(+44) 7840 258823`: the library takes a bracket around an area code only. */
const bracket = /^[\s(]+(?=\+)/;

/** How a deployment reads phone numbers. */
export interface PhoneNumbers {
  /** Reads any valid number. */
  read: ParsePhone;
  /** Reads a valid number that the deployment calls. */
  parseCallable: ParsePhone;
  /** Returns why a valid number is not called, with nothing of the number in it; undefined if it is, or is not valid. */
  reasonNotCallable(written: string): string | undefined;
}

/** Makes the readers of a deployment, which take national numbers as numbers of `defaultCountry`. */
export function phones(defaultCountry: CountryCode, rule: PhonePolicy = defaultPhonePolicy): PhoneNumbers {
  const whyNot = judge(rule);
  const whyNotOf = ({ country, countryCallingCode, nationalNumber }: PhoneNumber) =>
    whyNot(country, countryCallingCode, nationalNumber);
  const parseFast = fastPhoneParser(defaultCountry, whyNot);
  const reading = remembering((written): { e164: string; whyNot: string | undefined } | undefined => {
    const usual = parseFast(written);
    if (usual !== undefined) return { e164: usual, whyNot: undefined };
    const number = parsed(written, defaultCountry);
    return number && { e164: number.number, whyNot: whyNotOf(number) };
  });
  return {
    read: (written) => reading(written)?.e164,
    parseCallable: (written) => {
      const read = reading(written);
      return read?.whyNot === undefined ? read?.e164 : undefined;
    },
    reasonNotCallable: (written) => reading(written)?.whyNot,
  };
}

/**
 * Makes a reader that takes national numbers as numbers of `defaultCountry`.
 *
 * A number is valid when its length and leading digits fit its country's numbering plan. Whether the
 * range is in use is not asked: a new range would be refused until the next release of the metadata.
 */
export function phoneParser(defaultCountry: CountryCode): ParsePhone {
  const parseFast = fastPhoneParser(defaultCountry);
  return remembering((written) => parseFast(written) ?? parsed(written, defaultCountry)?.number);
}

/** Validation and lead logic read the same number one after the other. */
function remembering<Reading>(read: (written: string) => Reading): (written: string) => Reading | undefined {
  let last: string | undefined;
  let reading: Reading | undefined;
  return (written) => {
    if (written === last) return reading;
    reading = read(written);
    last = written;
    return reading;
  };
}

/** A valid number without an extension. */
function parsed(written: string, defaultCountry: CountryCode): PhoneNumber | undefined {
  const number = parsePhoneNumberFromString(written.replace(bracket, ''), { defaultCountry, extract: false });
  return number?.isValid() && number.ext === undefined ? number : undefined;
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
