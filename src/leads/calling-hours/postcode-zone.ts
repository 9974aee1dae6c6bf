import { createRequire } from 'node:module';
import type { CountryCode } from '../phone-library.ts';

const require = createRequire(import.meta.url);

let library: typeof import('zipcode-to-timezone') | undefined;

/**
 * Returns the time zone of a postcode in a country with several time zones. Undefined: the postcode is not one of the
 * country, or the library does not cover the country. Only the United States are covered.
 */
export function zoneOfPostcode(postcode: string, country: CountryCode | undefined): string | undefined {
  if (country !== 'US') return undefined;
  const [, zip] = /^\s*(\d{5})(?:-?\d{4})?\s*$/.exec(postcode) ?? [];
  if (zip === undefined) return undefined;
  // Loaded when it is first needed: its data takes ten megabytes of memory.
  library ??= require('zipcode-to-timezone') as typeof import('zipcode-to-timezone');
  return library.lookup(zip) ?? undefined;
}
