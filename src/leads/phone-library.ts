import { createRequire } from 'node:module';
import type { CountryCode, PhoneNumber } from 'libphonenumber-js/min';

export type { CountryCode, PhoneNumber };

const require = createRequire(import.meta.url);

/**
 * libphonenumber-js. It has a hundred modules, which are loaded in 20 milliseconds where they are required, and in
 * twice as many where they are imported.
 */
const library: typeof import('libphonenumber-js/min') = require('libphonenumber-js/min');

export const { isSupportedCountry, parsePhoneNumberFromString } = library;

/** What the library knows of a country's numbers, as far as it is read here. Its own types leave it out. */
export interface NumberingPlan {
  selectNumberingPlan(country: CountryCode): void;
  getCountryCodesForCallingCode(callingCode: string): CountryCode[];
  countryCallingCode(): string;
  IDDPrefix(): string;
  nationalNumberPattern(): string;
  possibleLengths(): number[];
  nationalPrefixForParsing(): string | undefined;
  nationalPrefixTransformRule(): string | undefined;
  leadingDigits(): string | undefined;
  hasTypes(): boolean;
  type(name: string): { pattern(): string | undefined; possibleLengths(): number[] | undefined } | undefined;
  numberingPlan: { nationalPrefix(): string | undefined };
}

/** A country's numbering plan. Most have no types of numbers: see `planWithTypes`. */
export function planOf(country: CountryCode): NumberingPlan {
  // The cast: see NumberingPlan.
  const plan = new library.Metadata() as unknown as NumberingPlan;
  plan.selectNumberingPlan(country);
  return plan;
}

/** A country's numbering plan with its types of numbers. For most countries it takes metadata that load in 4 milliseconds. */
export function planWithTypes(country: CountryCode): NumberingPlan {
  const plan = planOf(country);
  return plan.hasTypes() ? plan : completePlanOf(country);
}

function completePlanOf(country: CountryCode): NumberingPlan {
  const core: typeof import('libphonenumber-js/core') = require('libphonenumber-js/core');
  // The cast: see NumberingPlan.
  const plan = new core.Metadata(require('libphonenumber-js/metadata.max.json')) as unknown as NumberingPlan;
  plan.selectNumberingPlan(country);
  return plan;
}
