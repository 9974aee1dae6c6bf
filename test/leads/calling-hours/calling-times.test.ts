/** The permitted times are compared with a reference that reads the clock of the person, minute by minute. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallingTimes } from '../../../src/leads/calling-hours/calling-times.ts';
import { parseWeeklyHours } from '../../../src/leads/calling-hours/weekly-hours.ts';
import { combined, zonesIn } from '../../../src/leads/calling-hours/zone-set.ts';

const minute = 60_000;
const hour = 60 * minute;
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Reads a clock and a calendar in a time zone, with `Intl` in place of the library under test. */
function clockIn(zone: string): (time: number) => { date: string; weekday: string; minutes: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const { year, month, day, weekday = '', hour, minute } = parts;
    return { date: `${year}-${month}-${day}`, weekday, minutes: Number(hour) * 60 + Number(minute) };
  };
}

interface Hours {
  day: number;
  start: number;
  length: number;
}

function textOf(hours: readonly Hours[]): string {
  const time = (minutes: number) => {
    const ofDay = minutes % 1_440;
    return `${String(Math.floor(ofDay / 60)).padStart(2, '0')}:${String(ofDay % 60).padStart(2, '0')}`;
  };
  return hours
    .map(({ day, start, length }) => `${weekdays[day]} ${time(start)}-${time(start + length)}`)
    .join(', ');
}

/** Whether the clocks of all zones show a permitted time. */
function isPermitted(zones: string, hours: readonly Hours[], holidays: readonly string[], time: number) {
  return zonesIn(zones).every((zone) => {
    const { date, weekday, minutes } = clock(zone)(time);
    if (holidays.includes(date)) return false;
    const today = weekdays.indexOf(weekday);
    return hours.some(({ day, start, length }) => {
      if (day === today) return minutes >= start && minutes < start + length;
      return day === (today + 6) % 7 && minutes + 1_440 < start + length;
    });
  });
}

const clocks = new Map<string, ReturnType<typeof clockIn>>();

function clock(zone: string): ReturnType<typeof clockIn> {
  const known = clocks.get(zone) ?? clockIn(zone);
  clocks.set(zone, known);
  return known;
}

/** Whole quarters of an hour, as every transition in these zones is. */
const quarter = 15;

const zone = fc.constantFrom(
  'Europe/London',
  'Europe/Berlin',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Santiago',
  'America/Havana',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Cairo',
  'Pacific/Auckland',
  'Asia/Beirut',
);

/** Times near changes of the clocks in 2026, in both directions, and others. */
const time = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(
        ...['2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-03-08T07:00Z', '2026-11-01T06:00Z'],
        ...['2026-04-04T15:00Z', '2026-10-03T15:30Z', '2026-04-23T22:00Z', '2026-10-29T21:00Z'],
        ...['2026-03-28T22:00Z', '2026-09-06T04:00Z', '2026-04-05T03:00Z', '2026-03-08T05:00Z'],
      ),
      fc
        .date({ min: new Date('2025-12-01'), max: new Date('2027-02-01'), noInvalidDate: true })
        .map((date) => date.toISOString()),
    ),
    fc.integer({ min: -2 * 24 * 60, max: 2 * 24 * 60 }),
  )
  .map(([text, minutes]) => Math.floor(Date.parse(text) / minute) * minute + minutes * minute);

/** Up to one span for each weekday, possibly across midnight, so that none overlaps the next. */
const hours = fc
  .uniqueArray(
    fc.record({
      day: fc.nat(6),
      start: fc.integer({ min: 16, max: 95 }).map((value) => value * quarter),
      length: fc.integer({ min: 1, max: 94 }).map((value) => value * quarter),
    }),
    { minLength: 1, maxLength: 7, selector: ({ day }) => day },
  )
  .map((list) =>
    list.map((each) => ({ ...each, length: Math.min(each.length, 1_440 + 4 * 60 - each.start) })),
  );

test('the next permitted time is the first minute at which the clocks of all zones show a permitted time', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(zone, { minLength: 1, maxLength: 3 }),
      hours,
      fc.uniqueArray(
        fc.constantFrom('2026-03-28', '2026-03-29', '2026-10-25', '2026-11-01', '2026-04-05', '2026-12-25'),
        { maxLength: 3 },
      ),
      time,
      (zones, hours, holidays, from) => {
        const set = combined(...zones);
        const times = new CallingTimes(parseWeeklyHours(textOf(hours)), holidays);
        const opensAt = times.opensAt(set, from);
        if (opensAt === undefined || opensAt > from + 30 * hour) {
          // Far away: only that nothing before it is permitted, in steps.
          const end = Math.min(opensAt ?? Number.POSITIVE_INFINITY, from + 13 * 24 * hour);
          for (let at = from; at < end; at += quarter * minute) {
            expect(isPermitted(set, hours, holidays, at), new Date(at).toISOString()).toBe(false);
          }
        } else {
          for (let at = from; at < opensAt; at += 5 * minute) {
            expect(isPermitted(set, hours, holidays, at), new Date(at).toISOString()).toBe(false);
          }
        }
        if (opensAt !== undefined) expect(isPermitted(set, hours, holidays, opensAt)).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});

test('the permitted time of a period is the number of minutes at which the clocks show a permitted time', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(zone, { minLength: 1, maxLength: 2 }),
      hours,
      time,
      fc.integer({ min: 1, max: 60 * 60 }),
      fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 600 })), { maxLength: 3 }),
      (zones, hours, start, length, gaps) => {
        const set = combined(...zones);
        const times = new CallingTimes(parseWeeklyHours(textOf(hours)), []);
        const end = start + length * minute;
        const impossible = gaps.map(([from, lasts]) => {
          return { start: start + from * minute, end: start + (from + lasts) * minute };
        });
        let permitted = 0;
        for (let at = start; at < end; at += minute) {
          const isImpossible = impossible.some((gap) => at >= gap.start && at < gap.end);
          if (!isImpossible && isPermitted(set, hours, [], at)) permitted += minute;
        }
        const period = { start, end };
        expect(times.isLonger(permitted, set, period, impossible)).toBe(false);
        if (permitted > 0) expect(times.isLonger(permitted - 1, set, period, impossible)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('hours that cross midnight end on the next day, and a holiday ends them at midnight', () => {
  const weekly = parseWeeklyHours('Fri 22:00-02:00');
  const at = (text: string) => Date.parse(text);
  const times = new CallingTimes(weekly, []);
  expect(times.opensAt('Europe/London', at('2026-11-28T01:59Z'))).toBe(at('2026-11-28T01:59Z'));
  expect(times.opensAt('Europe/London', at('2026-11-28T02:00Z'))).toBe(at('2026-12-04T22:00Z'));
  const withHoliday = new CallingTimes(weekly, ['2026-11-28']);
  expect(withHoliday.opensAt('Europe/London', at('2026-11-28T00:00Z'))).toBe(at('2026-12-04T22:00Z'));
});

test('a time that the clocks skip opens at the change, and a time that occurs twice is permitted twice', () => {
  const at = (text: string) => Date.parse(text);
  const skipped = new CallingTimes(parseWeeklyHours('Sun 01:30-05:00'), []);
  expect(skipped.opensAt('Europe/London', at('2026-03-29T00:00Z'))).toBe(at('2026-03-29T01:00Z'));
  const twice = new CallingTimes(parseWeeklyHours('Sun 01:15-01:45'), []);
  expect(twice.opensAt('Europe/London', at('2026-10-25T00:00Z'))).toBe(at('2026-10-25T00:15Z'));
  expect(twice.opensAt('Europe/London', at('2026-10-25T00:45Z'))).toBe(at('2026-10-25T01:15Z'));
});

test('zones without a common hour have no permitted time', () => {
  const times = new CallingTimes(parseWeeklyHours('Mon-Fri 09:00-12:00'), []);
  expect(times.opensAt('Europe/London&Australia/Sydney', Date.parse('2026-11-27T12:00Z'))).toBeUndefined();
});
