import { createRequire } from 'node:module';
import { type FindCountry, fastCountryFinder } from '../fast-country-finder.ts';
import { type CountryCode, parsePhoneNumberFromString, planOf, planWithTypes } from '../phone-library.ts';
import { isSingleZone, type ZoneSet, zonesOfCountry } from './zone-set.ts';

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

/** Finders of the countries of numbers, by the calling codes of numbers that the library has parsed. */
const countryFinders = new Map<string, FindCountry>();

/** Maximum length of a calling code (digits). */
const maxCallingCode = 3;

/** Returns the region of a phone number (E.164). */
export function regionOfNumber(e164: string): NumberRegion {
  return nationwideByPattern(e164) ?? regionOfRange(e164);
}

function addCountryFinder(country: CountryCode): void {
  const plan = planOf(country);
  const callingCode = plan.countryCallingCode();
  if (countryFinders.has(callingCode)) return;
  const [main = country] = plan.getCountryCodesForCallingCode(callingCode);
  countryFinders.set(callingCode, fastCountryFinder(planOf(main)));
}

/** Returns the region of a number that is used anywhere in its country, without the library, which takes longer. */
function nationwideByPattern(e164: string): NumberRegion | undefined {
  for (let end = 2; end <= 1 + maxCallingCode; end += 1) {
    const find = countryFinders.get(e164.slice(1, end));
    if (find === undefined) continue;
    const national = e164.slice(end);
    const country = find(national);
    return country && nationwideRegion(country, national);
  }
  return undefined;
}

/** Returns the region of a number that is used anywhere in its country; undefined: it may belong to a part of it. */
function nationwideRegion(country: CountryCode, national: string): NumberRegion | undefined {
  const zones = zonesOfCountry(country);
  if (zones === undefined) return undefined;
  // The numbers of mobile phones, other than those in area codes, are used anywhere in their country.
  return isSingleZone(zones) || isMobile(country, national) ? { country, zones } : undefined;
}

function regionOfRange(e164: string): NumberRegion {
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
  if (country !== undefined) {
    addCountryFinder(country);
    const nationwide = nationwideRegion(country, number?.nationalNumber ?? '');
    if (nationwide !== undefined) return nationwide;
  }
  const ofCountry = country && zonesOfCountry(country);
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
