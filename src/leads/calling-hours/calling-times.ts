import type { Holidays } from './holidays.ts';
import { intersection, type TimeInterval, uncovered } from './time-interval.ts';
import type { WeeklyHours } from './weekly-hours.ts';
import { localDate, permittedOnDay } from './zone-hours.ts';
import { type ZoneSet, zonesIn } from './zone-set.ts';

const millisecondsPerDay = 86_400_000;

/** Number of days in which the next opening is searched. */
const searchedDays = 14;

/** Maximum number of cached days. */
const maxCached = 5_000;

/**
 * Computes when calls are permitted by weekly hours and holidays, once for each set of time zones and each day (UTC).
 */
export class CallingTimes {
  readonly #weekly: WeeklyHours;
  readonly #holidays: Holidays;
  readonly #cache = new Map<string, readonly TimeInterval[]>();

  constructor(weekly: WeeklyHours, holidays: Holidays) {
    this.#weekly = weekly;
    this.#holidays = holidays;
  }

  /**
   * Returns the first time, from a time on, at which a call is permitted in every time zone (ms since 1970). Undefined:
   * there is none in the next `searchedDays` days.
   */
  opensAt(zones: ZoneSet, time: number): number | undefined {
    const today = Math.floor(time / millisecondsPerDay);
    for (let day = today; day <= today + searchedDays; day += 1) {
      const next = this.#permittedOn(zones, day).find(({ end }) => end > time);
      if (next !== undefined) return Math.max(next.start, time);
    }
    return undefined;
  }

  /**
   * Returns whether calls were permitted for longer than some time (ms) between two times, without counting the time in
   * which delivery was impossible.
   */
  isLonger(
    limit: number,
    zones: ZoneSet,
    period: TimeInterval,
    impossible: readonly TimeInterval[],
  ): boolean {
    let remaining = limit;
    const first = Math.floor(period.start / millisecondsPerDay);
    for (let day = Math.floor(period.end / millisecondsPerDay); day >= first; day -= 1) {
      for (const permitted of intersection(this.#permittedOn(zones, day), [period])) {
        remaining -= uncovered(permitted, impossible);
      }
      if (remaining < 0) return true;
    }
    return false;
  }

  /** Returns when calls are permitted on a day. @param day days since 1970 (UTC) */
  #permittedOn(zones: ZoneSet, day: number): readonly TimeInterval[] {
    const key = `${day} ${zones}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    if (this.#cache.size >= maxCached) this.#cache.clear();
    const start = day * millisecondsPerDay;
    let permitted: readonly TimeInterval[] = [{ start, end: start + millisecondsPerDay }];
    for (const zone of zonesIn(zones)) {
      if (permitted.length === 0) break;
      permitted = intersection(permitted, this.#permittedIn(zone, start));
    }
    this.#cache.set(key, permitted);
    return permitted;
  }

  /** Returns when calls are permitted in a time zone, on the local days that a day (UTC) is part of. */
  #permittedIn(zone: string, start: number): TimeInterval[] {
    const last = localDate(start + millisecondsPerDay - 1, zone);
    const permitted: TimeInterval[] = [];
    for (let date = localDate(start, zone); date.until(last).sign >= 0; date = date.add({ days: 1 })) {
      permitted.push(...permittedOnDay(date, zone, this.#weekly, this.#holidays));
    }
    return permitted;
  }
}
