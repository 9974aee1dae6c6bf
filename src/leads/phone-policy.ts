import { type CountryCode, planWithTypes } from './phone-library.ts';

/**
 * Kinds of numbers that cost more than others and whose owners may earn from calls: `premium-rate` (including shared
 * cost) and `satellite` (including the other global networks).
 */
export const specialNumbers = ['premium-rate', 'satellite'] as const;

export type SpecialNumber = (typeof specialNumbers)[number];

/** Which numbers a deployment calls. */
export interface PhonePolicy {
  /** Undefined: all countries. */
  countries: ReadonlySet<CountryCode> | undefined;
  /** Special numbers that are called despite their cost. */
  special: ReadonlySet<SpecialNumber>;
}

/** The policy of a deployment that configures none. */
export const defaultPhonePolicy: PhonePolicy = { countries: undefined, special: new Set() };

/** Special ranges that belong to no country, by their calling codes (ITU-T E.164, list of assigned codes). */
const globalRanges: Partial<Record<string, SpecialNumber>> = {
  '808': 'premium-rate',
  '870': 'satellite',
  '878': 'satellite',
  '881': 'satellite',
  '882': 'satellite',
  '883': 'satellite',
  '888': 'satellite',
  '979': 'premium-rate',
};

/**
 * Returns why the deployment does not call a valid number, without repeating the number; undefined: it calls it.
 *
 * @param country undefined for a number that belongs to no country
 * @param national the number without its calling code
 */
export type PolicyCheck = (
  country: CountryCode | undefined,
  callingCode: string,
  national: string,
) => string | undefined;

/** Creates the check of valid numbers against a policy. */
export function policyCheck({ countries, special }: PhonePolicy): PolicyCheck {
  return (country, callingCode, national) => {
    const kind = country === undefined ? globalRanges[callingCode] : specialIn(country, national);
    if (kind !== undefined && !special.has(kind)) {
      return `a ${kind} number, which ALLOWED_SPECIAL_NUMBERS does not list`;
    }
    // Satellite numbers belong to no country, so ALLOWED_COUNTRIES does not apply to them.
    if (countries === undefined || kind === 'satellite') return undefined;
    if (country === undefined)
      return `a number of no country (+${callingCode}), and ALLOWED_COUNTRIES is set`;
    return countries.has(country)
      ? undefined
      : `a number of ${country}, which ALLOWED_COUNTRIES does not list`;
  };
}

const premiumPatterns = new Map<CountryCode, RegExp | undefined>();

function specialIn(country: CountryCode, national: string): SpecialNumber | undefined {
  if (!premiumPatterns.has(country)) premiumPatterns.set(country, premiumPattern(country));
  return premiumPatterns.get(country)?.test(national) ? 'premium-rate' : undefined;
}

function premiumPattern(country: CountryCode): RegExp | undefined {
  const plan = planWithTypes(country);
  const patterns = ['PREMIUM_RATE', 'SHARED_COST'].flatMap((type) => plan.type(type)?.pattern() || []);
  return patterns.length === 0 ? undefined : new RegExp(`^(?:${patterns.join('|')})$`);
}
