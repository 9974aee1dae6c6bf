import type { PhoneParsers } from './phone.ts';

/** What numbers for drama share (Ofcom: 07700 900000 to 900999), of which no person has one (E.164). */
const prefix = '+447700900';

/** A number for drama without separators, in the national or an international form. */
const form = /^(?:(?:\+|00)440?|0)?7700900(\d{3})$/;

/** Returns the E.164 form of a test number in any common notation; undefined: the text is no test number. */
export function parseTestNumber(text: string): string | undefined {
  const digits = form.exec(text.replace(/[\s().\-/]/g, ''))?.[1];
  return digits === undefined ? undefined : prefix + digits;
}

/** Returns whether an E.164 number is a test number. */
export function isTestNumber(e164: string): boolean {
  return e164.startsWith(prefix);
}

/**
 * Returns parsers that accept test numbers as well, whatever the country and the policy of the deployment are. They are
 * for requests with test keys: the other parsers reject test numbers, because nobody has one.
 */
export function withTestNumbers({ parse, parseCallable, reasonNotCallable }: PhoneParsers): PhoneParsers {
  return {
    parse: (text) => parseTestNumber(text) ?? parse(text),
    parseCallable: (text) => parseTestNumber(text) ?? parseCallable(text),
    reasonNotCallable: (text) => (parseTestNumber(text) === undefined ? reasonNotCallable(text) : undefined),
  };
}

/** Returns all test numbers with the same last two digits (E.164). */
export function testNumbersEndingIn(ending: string): string[] {
  return Array.from({ length: 10 }, (_, digit) => `${prefix}${digit}${ending}`);
}
