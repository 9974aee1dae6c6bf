import { createRequire } from 'node:module';
import { type CountryCode, parsePhoneNumberFromString, planWithTypes } from '../phone-library.ts';
import { type ZoneSet, zonesIn, zonesOfCountry } from './zone-set.ts';

const require = createRequire(import.meta.url);

/** Where a phone number belongs. */
export interface NumberRegion {
  /** ISO 3166-1 alpha-2. Undefined: the number belongs to no country, or it is not known to which. */
  country: CountryCode | undefined;
  /** Undefined: unknown. */
  zones: ZoneSet | undefined;
}

/** Number of digits at the end that do not matter: ranges are assigned to regions in blocks of at least a thousand. */
const ignoredDigits = 3;

/** Maximum number of cached ranges. */
const maxCached = 20_000;

const cache = new Map<string, NumberRegion>();

/** Returns the region of a phone number (E.164). */
export function regionOfNumber(e164: string): NumberRegion {
  const range = e164.slice(0, -ignoredDigits);
  const cached = cache.get(range);
  if (cached !== undefined) return cached;
  if (cache.size >= maxCached) cache.clear();
  const region = findRegion(e164);
  cache.set(range, region);
  return region;
}

function findRegion(e164: string): NumberRegion {
  const number = parsePhoneNumberFromString(e164);
  const country = number?.country;
  const ofCountry = country && zonesOfCountry(country);
  if (country !== undefined && ofCountry !== undefined) {
    if (zonesIn(ofCountry).length === 1) return { country, zones: ofCountry };
    // The numbers of mobile phones, other than those in area codes, are used anywhere in their country.
    if (isMobile(country, number?.nationalNumber ?? '')) return { country, zones: ofCountry };
  }
  const ofRange = zonesOfRange(e164.slice(1));
  const isWholeCode = ofRange?.digits === number?.countryCallingCode;
  return { country, zones: (isWholeCode ? ofCountry : undefined) ?? ofRange?.zones ?? ofCountry };
}

const mobilePatterns = new Map<CountryCode, { mobile: RegExp; fixed: RegExp } | undefined>();

function isMobile(country: CountryCode, national: string): boolean {
  if (!mobilePatterns.has(country)) mobilePatterns.set(country, patternsOf(country));
  const patterns = mobilePatterns.get(country);
  return patterns?.mobile.test(national) === true && !patterns.fixed.test(national);
}

function patternsOf(country: CountryCode): { mobile: RegExp; fixed: RegExp } | undefined {
  const plan = planWithTypes(country);
  const [mobile, fixed] = ['MOBILE', 'FIXED_LINE'].map((type) => plan.type(type)?.pattern());
  if (mobile === undefined) return undefined;
  // Without a pattern, nothing matches.
  return { mobile: new RegExp(`^(?:${mobile})$`), fixed: new RegExp(`^(?:${fixed ?? '(?!)'})$`) };
}

/** Finds the time zones of the longest range that contains a number. @param digits E.164 without its plus sign */
function zonesOfRange(digits: string): { digits: string; zones: ZoneSet } | undefined {
  for (let length = digits.length; length > 0; length -= 1) {
    const range = digits.slice(0, length);
    const zones = rangeZones()[range];
    if (zones !== undefined) return { digits: range, zones };
  }
  return undefined;
}

let loaded: Readonly<Record<string, ZoneSet>> | undefined;

/** Time zones by the first digits of numbers (see `.ci/phone-time-zones.ts`), loaded when they are first needed. */
function rangeZones(): Readonly<Record<string, ZoneSet>> {
  loaded ??= require('../../../generated/phone-time-zones.json') as Readonly<Record<string, ZoneSet>>;
  return loaded;
}
