import { createRequire } from 'node:module';
import type { CountryCode, PhoneNumber } from 'libphonenumber-js/min';

export type { CountryCode, PhoneNumber };

const require = createRequire(import.meta.url);

/** libphonenumber-js. `require` loads its hundred modules in half the time that `import` takes. */
const library: typeof import('libphonenumber-js/min') = require('libphonenumber-js/min');

export const { isSupportedCountry, parsePhoneNumberFromString } = library;

/** The part of the library's metadata that this project reads; the library's own types leave it out. */
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

/** Returns the numbering plan of a country. Most include no number types: see `planWithTypes`. */
export function planOf(country: CountryCode): NumberingPlan {
  // The cast: see NumberingPlan.
  const plan = new library.Metadata() as unknown as NumberingPlan;
  plan.selectNumberingPlan(country);
  return plan;
}

/** Returns the numbering plan of a country with its number types, which for most countries are loaded on demand. */
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
