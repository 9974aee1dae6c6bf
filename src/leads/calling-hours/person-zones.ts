import type { SubmittedFields } from '../submitted-fields.ts';
import { regionOfNumber } from './number-zones.ts';
import { zoneOfPostcode } from './postcode-zone.ts';
import { combined, findZone, hasZone, type ZoneSet, zonesOfCountry } from './zone-set.ts';

/** What is known about where a person is. */
export interface Whereabouts {
  /** The number to call (E.164). */
  mobile: string;
  /** As the partner sent it. Undefined: it was not sent. */
  postcode?: string | undefined;
  /** As the partner sent it (IANA). Undefined: it was not sent. */
  timeZone?: string | undefined;
}

/** Returns where a person with a number is, by the fields that were sent with it. */
export function whereaboutsOf(
  mobile: string,
  { postcode, timeZone }: Pick<SubmittedFields, 'postcode' | 'timeZone'>,
): Whereabouts {
  return { mobile, postcode, timeZone };
}

/**
 * Returns the time zones in which a person may be: those that were sent, or else those of the number's region. A time
 * zone that was sent for a number of another country does not replace the number's: a call must be permitted in both.
 *
 * @param fallback country whose time zones count if the number belongs to none (ISO 3166-1 alpha-2)
 */
export function zonesOfPerson(person: Whereabouts, fallback: string): ZoneSet {
  const { country, zones = zonesOfCountry(fallback) ?? 'UTC' } = regionOfNumber(person.mobile);
  const { timeZone, postcode } = person;
  const sentZone = timeZone === undefined ? undefined : findZone(timeZone.trim());
  if (sentZone !== undefined) {
    const ofCountry = country && zonesOfCountry(country);
    const isPlausible = ofCountry !== undefined && hasZone(ofCountry, sentZone);
    return isPlausible ? sentZone : combined(sentZone, zones);
  }
  return (postcode !== undefined && zoneOfPostcode(postcode, country)) || zones;
}
