import { Temporal } from 'temporal-polyfill';

/**
 * One or more time zones (IANA), in each of which a call must be permitted. A text, because it is the key of caches:
 * the names are separated by `&`.
 */
export type ZoneSet = string;

const separator = '&';

/** Returns the time zones of a set. */
export function zonesIn(zones: ZoneSet): readonly string[] {
  return zones.split(separator);
}

/** Returns whether a set contains one time zone. */
export function isSingleZone(zones: ZoneSet): boolean {
  return !zones.includes(separator);
}

/** Combines sets of time zones: the result is at least as strict as each of them. */
export function combined(...sets: readonly ZoneSet[]): ZoneSet {
  return [...new Set(sets.flatMap(zonesIn))].join(separator);
}

/** Returns a time (ms since 1970) as the clocks of each time zone show it, such as `2026-11-27T10:00:00+01:00`. */
export function localTimes(time: number, zones: ZoneSet): string {
  const instant = Temporal.Instant.fromEpochMilliseconds(time);
  const shown = zonesIn(zones).map((zone) =>
    instant.toZonedDateTimeISO(zone).toString({ smallestUnit: 'second', timeZoneName: 'never' }),
  );
  return [...new Set(shown)].join(', ');
}

/** Returns the name of a time zone as the time zone database spells it; undefined: there is none of this name. */
export function findZone(name: string): string | undefined {
  // Offsets such as +01:00 are valid for the library, but do not follow daylight saving time.
  if (!/^[a-z]/i.test(name)) return undefined;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
  } catch {
    return undefined;
  }
}

const countries = new Map<string, ZoneSet | undefined>();

/** Returns the time zones of a country (ISO 3166-1 alpha-2); undefined: unknown. */
export function zonesOfCountry(country: string): ZoneSet | undefined {
  if (!countries.has(country)) countries.set(country, readZonesOfCountry(country));
  return countries.get(country);
}

function readZonesOfCountry(country: string): ZoneSet | undefined {
  // The cast: TypeScript's library does not have this method of ECMA-402 yet.
  const locale = new Intl.Locale(`und-${country}`) as Intl.Locale & {
    getTimeZones(): string[] | undefined;
  };
  const names = locale.getTimeZones();
  return names === undefined || names.length === 0 ? undefined : names.join(separator);
}

/** Returns whether a country has a time zone, under any of its names. @param zones time zones of the country */
export function hasZone(zones: ZoneSet, zone: string): boolean {
  return zonesIn(zones).some((each) => isSameZone(each, zone));
}

function isSameZone(one: string, other: string): boolean {
  if (one === other) return true;
  const time = Temporal.Instant.fromEpochMilliseconds(0);
  return time.toZonedDateTimeISO(one).equals(time.toZonedDateTimeISO(other));
}
