import { type CountryCode, type NumberingPlan, planOf } from './phone-library.ts';

/**
 * Finds the country of a number without its calling code, if the number is valid. Undefined: the library must parse it.
 */
export type FindCountry = (national: string) => CountryCode | undefined;

/** Number types of the library's metadata. A valid number has one of them, if its plan has types. */
const numberTypes = [
  'FIXED_LINE',
  'MOBILE',
  'PREMIUM_RATE',
  'TOLL_FREE',
  'SHARED_COST',
  'VOIP',
  'PERSONAL_NUMBER',
  'PAGER',
  'UAN',
  'VOICEMAIL',
];

/**
 * Creates a function that finds the country of numbers among those that share a calling code: Great Britain, Guernsey,
 * the Isle of Man and Jersey share +44. It uses the library's own patterns in the library's order, but compiles them
 * once, which makes it more than ten times as fast.
 *
 * @param main plan of the calling code's main country
 */
export function fastCountryFinder(main: NumberingPlan): FindCountry {
  if (main.leadingDigits() || main.nationalPrefixTransformRule()) return () => undefined;
  const nationalPrefix = startPattern(main.nationalPrefixForParsing());
  const plans = main.getCountryCodesForCallingCode(main.countryCallingCode()).map((country) => {
    const plan = planOf(country);
    return { country, leading: startPattern(plan.leadingDigits()), isValid: validIn(plan) };
  });
  return (national) => {
    if (nationalPrefix?.test(national)) return undefined;
    for (const { country, leading, isValid } of plans) {
      // The library then checks no other country.
      if (leading?.test(national)) return undefined;
      if (leading === undefined && isValid(national)) return country;
    }
    return undefined;
  };
}

/** Returns a pattern for the start of a text. */
export function startPattern(pattern: string | undefined): RegExp | undefined {
  return pattern ? new RegExp(`^(?:${pattern})`) : undefined;
}

/** Returns a check of whether a national number fits a numbering plan and, if the plan has types, one of them. */
function validIn(plan: NumberingPlan): (number: string) => boolean {
  const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
  const fits = whole(plan.nationalNumberPattern());
  const lengths = plan.possibleLengths();
  const knownTypes: { lengths: number[] | undefined; pattern: RegExp }[] = [];
  for (const name of plan.hasTypes() ? numberTypes : []) {
    const type = plan.type(name);
    const pattern = type?.pattern();
    if (pattern) knownTypes.push({ lengths: type?.possibleLengths(), pattern: whole(pattern) });
  }
  const isOfType = (number: string) =>
    knownTypes.some((type) => (type.lengths?.includes(number.length) ?? true) && type.pattern.test(number));
  return (number) =>
    lengths.includes(number.length) && fits.test(number) && (!plan.hasTypes() || isOfType(number));
}
