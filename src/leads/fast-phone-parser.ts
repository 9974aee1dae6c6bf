import { type CountryCode, type NumberingPlan, planOf } from './phone-library.ts';
import type { ReasonNotCallable } from './phone-policy.ts';

/** Reads a number that is written as most are: its E.164 form, or undefined where the library has to be asked. */
export type ParsePhoneFast = (written: string) => string | undefined;

const types = [
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

/** The prefix that no calling code begins with, so that a number with it can be read in one way only. */
const trunkPrefix = '0';

/**
 * Makes a reader of valid numbers of one country that are written in digits alone, in the national form with a 0 or
 * as E.164: 07840258823 or +447840258823. It holds them to the library's own patterns, which the library compiles
 * anew for each number: a reading takes 1 microsecond here and 14 there (bench/steps.ts). All other numbers, and
 * those that are refused here, are left to the library.
 *
 * @param reasonNotCallable keeps numbers that are not called from being read here
 */
export function fastPhoneParser(country: CountryCode, reasonNotCallable?: ReasonNotCallable): ParsePhoneFast {
  const plan = planOf(country);
  const callingCode = plan.countryCallingCode();
  // The main one is the first: +44 is of Great Britain, Guernsey, the Isle of Man and Jersey.
  const [main, ...others] = plan.getCountryCodesForCallingCode(callingCode);
  if (main !== country || plan.leadingDigits() || plan.nationalPrefixTransformRule()) return () => undefined;
  const international = `+${callingCode}`;
  const hasTrunkPrefix = plan.numberingPlan.nationalPrefix() === trunkPrefix;
  const outOfCountry = new RegExp(`^(?:${plan.IDDPrefix()})`);
  const stripped = plan.nationalPrefixForParsing();
  const prefix = stripped === undefined ? undefined : new RegExp(`^(?:${stripped})`);
  const isValid = validInAny([country, ...others], callingCode, reasonNotCallable);

  return (written) => {
    if (written.startsWith(international)) {
      const number = written.slice(international.length);
      return !prefix?.test(number) && isValid(number) ? written : undefined;
    }
    if (!hasTrunkPrefix || !written.startsWith(trunkPrefix) || outOfCountry.test(written)) return undefined;
    const number = written.slice(trunkPrefix.length);
    return isStrippedAlone(written, prefix) && isValid(number) ? international + number : undefined;
  };
}

/**
 * Whether a number is of one of the countries that share a calling code, by the order in which the library asks them.
 * One that has a country's leading digits is left to the library: no other country is asked then.
 */
function validInAny(
  countries: CountryCode[],
  callingCode: string,
  reasonNotCallable: ReasonNotCallable | undefined,
): (number: string) => boolean {
  const plans = countries.map((country) => {
    const plan = planOf(country);
    return { country, leading: leadingDigits(plan), isValid: validity(plan) };
  });
  return (national) => {
    for (const { country, leading, isValid } of plans) {
      if (leading?.test(national)) return false;
      if (leading === undefined && isValid(national)) {
        return reasonNotCallable?.(country, callingCode, national) === undefined;
      }
    }
    return false;
  };
}

function leadingDigits(plan: NumberingPlan): RegExp | undefined {
  const pattern = plan.leadingDigits();
  return pattern ? new RegExp(`^(?:${pattern})`) : undefined;
}

/** Whether the trunk prefix, and nothing more of the number, is what comes before its national part. */
function isStrippedAlone(written: string, prefix: RegExp | undefined): boolean {
  const [found, ...groups] = prefix?.exec(written) ?? [];
  return found === trunkPrefix && groups.every((group) => group === undefined);
}

/** Whether a national number fits its country's numbering plan, and a type of number where the plan tells types. */
function validity(plan: NumberingPlan): (number: string) => boolean {
  const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
  const fits = whole(plan.nationalNumberPattern());
  const lengths = plan.possibleLengths();
  const known: { lengths: number[] | undefined; pattern: RegExp }[] = [];
  for (const name of plan.hasTypes() ? types : []) {
    const type = plan.type(name);
    const pattern = type?.pattern();
    if (pattern) known.push({ lengths: type?.possibleLengths(), pattern: whole(pattern) });
  }
  const isOfType = (number: string) =>
    known.some((type) => (type.lengths?.includes(number.length) ?? true) && type.pattern.test(number));
  return (number) =>
    lengths.includes(number.length) && fits.test(number) && (!plan.hasTypes() || isOfType(number));
}
