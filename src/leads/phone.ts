import { fastPhoneParser } from './fast-phone-parser.ts';
import {
  type CountryCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from './phone-library.ts';
import { defaultPhonePolicy, type PhonePolicy, policyCheck } from './phone-policy.ts';

export type { CountryCode };

/** Parses a phone number in any common notation. Returns E.164; undefined: not a valid number. */
export type ParsePhone = (text: string) => string | undefined;

/** `(+44) 7840 258823`: the library accepts brackets around an area code only. */
const bracketBeforePlus = /^[\s(]+(?=\+)/;

/** The phone parsers of a deployment. */
export interface PhoneParsers {
  /** Parses any valid number. */
  parse: ParsePhone;
  /** Parses a valid number that the deployment calls. */
  parseCallable: ParsePhone;
  /** Returns why a valid number is not called, without repeating it; undefined: it is called, or is not valid. */
  reasonNotCallable(text: string): string | undefined;
}

/**
 * Creates the parsers of a deployment. They read national numbers as numbers of `defaultCountry`.
 *
 * A number is valid if its length and leading digits fit its country's numbering plan. Whether the range is in use is
 * not checked: a new range would be rejected until the next release of the metadata.
 */
export function phoneParsers(
  defaultCountry: CountryCode,
  policy: PhonePolicy = defaultPhonePolicy,
): PhoneParsers {
  const check = policyCheck(policy);
  const reasonFor = ({ country, countryCallingCode, nationalNumber }: PhoneNumber) =>
    check(country, countryCallingCode, nationalNumber);
  const parseFast = fastPhoneParser(defaultCountry, check);
  const parse = memoiseLast((text): { e164: string; reason: string | undefined } | undefined => {
    const e164 = parseFast(text);
    if (e164 !== undefined) return { e164, reason: undefined };
    const number = parseWithLibrary(text, defaultCountry);
    return number && { e164: number.number, reason: reasonFor(number) };
  });
  return {
    parse: (text) => parse(text)?.e164,
    parseCallable: (text) => {
      const parsed = parse(text);
      return parsed?.reason === undefined ? parsed?.e164 : undefined;
    },
    reasonNotCallable: (text) => parse(text)?.reason,
  };
}

/** Remembers the last result: validation and lead logic parse the same number one after the other. */
function memoiseLast<Result>(parse: (text: string) => Result): (text: string) => Result | undefined {
  let last: string | undefined;
  let result: Result | undefined;
  return (text) => {
    if (text === last) return result;
    result = parse(text);
    last = text;
    return result;
  };
}

/** Parses a valid number without an extension. */
function parseWithLibrary(text: string, defaultCountry: CountryCode): PhoneNumber | undefined {
  const options = { defaultCountry, extract: false };
  const number = parsePhoneNumberFromString(text.replace(bracketBeforePlus, ''), options);
  return number?.isValid() && number.ext === undefined ? number : undefined;
}

/** Returns whether `code` is a supported country (ISO 3166-1 alpha-2, upper case). */
export function isCountry(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/** Forms in which a dialler may expect a number: 07840258823, 7840258823 or 447840258823. */
export const numberForms = ['national', 'significant', 'international'] as const;

export type NumberForm = (typeof numberForms)[number];

/**
 * Returns the country calling code of an E.164 number, and its digits in the given form.
 *
 * @throws {Error} if the number is not valid E.164
 */
export function phoneDigits(e164: string, form: NumberForm): { countryCode: string; digits: string } {
  const number = parsePhoneNumberFromString(e164);
  if (number === undefined) throw new Error('A stored phone number is not valid E.164.');
  const digits = {
    national: () => number.formatNational().replace(/\D/g, ''),
    significant: () => String(number.nationalNumber),
    international: () => e164.replace(/\D/g, ''),
  };
  return { countryCode: number.countryCallingCode, digits: digits[form]() };
}
