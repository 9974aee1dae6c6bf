import { fastCountryFinder, startPattern } from './fast-country-finder.ts';
import { type CountryCode, planOf } from './phone-library.ts';
import type { PolicyCheck } from './phone-policy.ts';

/** Parses a number in a common form. Returns E.164; undefined: the library must parse it. */
export type ParsePhoneFast = (text: string) => string | undefined;

/** No calling code starts with this digit, so a number that starts with it is always in the national form. */
const trunkPrefix = '0';

/**
 * Creates a parser of valid numbers of one country that consist of digits alone, in the national form with a 0 or as
 * E.164: 07840258823 or +447840258823 (`npm run bench:steps` measures it). The library parses all other numbers.
 *
 * @param check excludes numbers that the deployment does not call: the library parses them
 */
export function fastPhoneParser(country: CountryCode, check?: PolicyCheck): ParsePhoneFast {
  const plan = planOf(country);
  const callingCode = plan.countryCallingCode();
  // The main country comes first.
  if (plan.getCountryCodesForCallingCode(callingCode)[0] !== country) return () => undefined;
  const countryOf = fastCountryFinder(plan);
  const international = `+${callingCode}`;
  const hasTrunkPrefix = plan.numberingPlan.nationalPrefix() === trunkPrefix;
  const internationalPrefix = new RegExp(`^(?:${plan.IDDPrefix()})`);
  const nationalPrefix = startPattern(plan.nationalPrefixForParsing());
  const isValid = (national: string) => {
    const found = countryOf(national);
    return found !== undefined && check?.(found, callingCode, national) === undefined;
  };

  return (text) => {
    if (text.startsWith(international)) {
      const number = text.slice(international.length);
      return isValid(number) ? text : undefined;
    }
    if (!hasTrunkPrefix || !text.startsWith(trunkPrefix) || internationalPrefix.test(text)) return undefined;
    const number = text.slice(trunkPrefix.length);
    return isTrunkPrefixOnly(text, nationalPrefix) && isValid(number) ? international + number : undefined;
  };
}

/** Returns whether the library would remove the trunk prefix from a number and change nothing else. */
function isTrunkPrefixOnly(text: string, nationalPrefix: RegExp | undefined): boolean {
  const [found, ...groups] = nationalPrefix?.exec(text) ?? [];
  return found === trunkPrefix && groups.every((group) => group === undefined);
}
