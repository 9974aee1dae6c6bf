import { type CountryCode, type NumberingPlan, planOf } from './phone-library.ts';
import type { PolicyCheck } from './phone-policy.ts';

/** Parses a number in a common form. Returns E.164; undefined: the library must parse it. */
export type ParsePhoneFast = (text: string) => string | undefined;

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

/** No calling code starts with this digit, so a number that starts with it is always in the national form. */
const trunkPrefix = '0';

/**
 * Creates a parser of valid numbers of one country that consist of digits alone, in the national form with a 0 or as
 * E.164: 07840258823 or +447840258823. It uses the library's own patterns but compiles them once, which makes it more
 * than ten times as fast (`npm run bench:steps`). The library parses all other numbers.
 *
 * @param check excludes numbers that the deployment does not call: the library parses them
 */
export function fastPhoneParser(country: CountryCode, check?: PolicyCheck): ParsePhoneFast {
  const plan = planOf(country);
  const callingCode = plan.countryCallingCode();
  // The main country comes first: Great Britain, Guernsey, the Isle of Man and Jersey share +44.
  const [main, ...others] = plan.getCountryCodesForCallingCode(callingCode);
  if (main !== country || plan.leadingDigits() || plan.nationalPrefixTransformRule()) return () => undefined;
  const international = `+${callingCode}`;
  const hasTrunkPrefix = plan.numberingPlan.nationalPrefix() === trunkPrefix;
  const internationalPrefix = new RegExp(`^(?:${plan.IDDPrefix()})`);
  const pattern = plan.nationalPrefixForParsing();
  const nationalPrefix = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})`);
  const isValid = validInAny([country, ...others], callingCode, check);

  return (text) => {
    if (text.startsWith(international)) {
      const number = text.slice(international.length);
      return !nationalPrefix?.test(number) && isValid(number) ? text : undefined;
    }
    if (!hasTrunkPrefix || !text.startsWith(trunkPrefix) || internationalPrefix.test(text)) return undefined;
    const number = text.slice(trunkPrefix.length);
    return isTrunkPrefixOnly(text, nationalPrefix) && isValid(number) ? international + number : undefined;
  };
}

/**
 * Returns a check of whether a number is valid in one of the countries that share a calling code, in the library's
 * order. The library parses numbers that start with a country's leading digits, because it then checks no other
 * country.
 */
function validInAny(
  countries: CountryCode[],
  callingCode: string,
  check: PolicyCheck | undefined,
): (number: string) => boolean {
  const plans = countries.map((country) => {
    const plan = planOf(country);
    return { country, leading: leadingDigits(plan), isValid: validIn(plan) };
  });
  return (national) => {
    for (const { country, leading, isValid } of plans) {
      if (leading?.test(national)) return false;
      if (leading === undefined && isValid(national)) {
        return check?.(country, callingCode, national) === undefined;
      }
    }
    return false;
  };
}

function leadingDigits(plan: NumberingPlan): RegExp | undefined {
  const pattern = plan.leadingDigits();
  return pattern ? new RegExp(`^(?:${pattern})`) : undefined;
}

/** Returns whether the library would remove the trunk prefix from a number and change nothing else. */
function isTrunkPrefixOnly(text: string, nationalPrefix: RegExp | undefined): boolean {
  const [found, ...groups] = nationalPrefix?.exec(text) ?? [];
  return found === trunkPrefix && groups.every((group) => group === undefined);
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
