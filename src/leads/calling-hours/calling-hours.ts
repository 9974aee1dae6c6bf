import { CallingTimes } from './calling-times.ts';
import type { Holidays } from './holidays.ts';
import { type Whereabouts, zonesOfPerson } from './person-zones.ts';
import type { TimeInterval } from './time-interval.ts';
import { parseWeeklyHours } from './weekly-hours.ts';
import type { ZoneSet } from './zone-set.ts';

/** When the people of a lead type may be called. */
export interface CallingHours {
  /** Weekly hours, such as `Mon-Fri 09:00-20:00`. */
  hours: string;
  /** A time zone (IANA), or `person`: that of the person. */
  zone: string;
  /** Country whose time zones count for a person whose number belongs to none (ISO 3166-1 alpha-2). */
  country: string;
  holidays: Holidays;
}

/** The calling hours of a lead type, or that its people may be called at any time. */
export type CallingHoursSetting = CallingHours | 'always';

/** What leads wait for if no hour is permitted in each of the time zones in which the person may be. */
export const noCommonHours = 'no-common-hours';

/** When a person may be called. */
export interface Opening {
  /**
   * First permitted time, from the requested time on (ms since 1970). If there is none, the time at which it is
   * searched again.
   */
  opensAt: number;
  /** Undefined: the requested time is permitted. */
  waitsFor?: 'calling-hours' | typeof noCommonHours;
}

/** Time after which a permitted time is searched again if there is none in the next days (ms). */
const searchInterval = 86_400_000;

/** Applies calling hours. Results are cached, so keep it for as long as the hours do not change. */
export class CallingRule {
  /** The weekly hours, such as `Mon-Fri 09:00-20:00`. */
  readonly hours: string;
  readonly #times: CallingTimes;
  readonly #zone: string;
  readonly #country: string;

  /** @throws {UserError} if the hours are invalid */
  constructor({ hours, zone, country, holidays }: CallingHours) {
    this.hours = hours;
    this.#times = new CallingTimes(parseWeeklyHours(hours), holidays);
    this.#zone = zone;
    this.#country = country;
  }

  /** Returns the time zones that count for a person. */
  zonesOf(person: Whereabouts): ZoneSet {
    return this.#zone === 'person' ? zonesOfPerson(person, this.#country) : this.#zone;
  }

  /** Returns when a person may be called, from a time on (ms since 1970). */
  opening(person: Whereabouts, time: number): Opening {
    const opensAt = this.#times.opensAt(this.zonesOf(person), time);
    if (opensAt === time) return { opensAt };
    return opensAt === undefined
      ? { opensAt: time + searchInterval, waitsFor: noCommonHours }
      : { opensAt, waitsFor: 'calling-hours' };
  }

  /** Returns whether a person could be called for longer than `limit` (ms) in a period, without the impossible times. */
  couldBeCalled(
    limit: number,
    person: Whereabouts,
    period: TimeInterval,
    impossible: readonly TimeInterval[],
  ): boolean {
    return this.#times.isLonger(limit, this.zonesOf(person), period, impossible);
  }
}
