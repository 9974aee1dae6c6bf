/** DIAL_WITHIN counts only the time in which a lead could have been delivered. */

import { expect, test } from 'vitest';
import { deliveryPermission } from '../../src/delivery/delivery-rules.ts';
import type { CallingHoursSetting } from '../../src/leads/calling-hours/calling-hours.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { DeliveryGap } from '../../src/store/delivery-gaps.ts';
import { unscreened } from '../harness/unscreened.ts';
import { claimedLead } from './claimed-lead.ts';

const hour = 3_600_000;
const parsePhone = phoneParsers('GB').parse;
const at = (text: string) => Date.parse(`${text}Z`);

/** Decides on a lead of the type `motor` with DIAL_WITHIN=2h. */
async function outcomeAt(
  dueAt: string,
  now: string,
  callingHours: CallingHoursSetting = 'always',
  gaps: readonly DeliveryGap[] = [],
): Promise<string | undefined> {
  const store = {
    callingHours: async () => [{ name: 'motor', callingHours }],
    ...unscreened,
    suppressedNumbers: async () => [],
    deliveryGaps: async () => [...gaps],
    recordGaps: async () => {},
    deliveriesSince: async () => [],
  };
  const context = {
    store,
    parsePhone,
    defaultCountry: 'GB' as const,
    dialWithin: 2 * hour,
    callsPerDay: undefined,
  };
  const lead = claimedLead({}, { dueAt: at(dueAt) });
  return (await deliveryPermission(context).decide([lead], at(now)))[0]?.outcome;
}

const weekdays = { hours: 'Mon-Fri 09:00-20:00', zone: 'Europe/London', country: 'GB', holidays: [] };

test('a lead is too late once DIAL_WITHIN has passed', async () => {
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T12:00')).toBe('deliver');
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T12:01')).toBe('too-late');
});

test('a night, a weekend and a holiday do not count', async () => {
  expect(await outcomeAt('2026-11-27T19:00', '2026-11-30T10:00', weekdays)).toBe('deliver');
  expect(await outcomeAt('2026-11-27T19:00', '2026-11-30T10:01', weekdays)).toBe('too-late');
  const withHoliday = { ...weekdays, holidays: ['2026-11-30'] };
  expect(await outcomeAt('2026-11-27T19:00', '2026-12-01T10:00', withHoliday)).toBe('deliver');
});

test('pauses of the type and of all types, and interruptions, do not count, even if they overlap', async () => {
  const gap = (type: string | undefined, start: string, end: string) => ({
    type,
    start: at(start),
    end: at(end),
  });
  const gaps = [
    gap('motor', '2026-11-27T10:00', '2026-11-27T12:00'),
    gap(undefined, '2026-11-27T11:00', '2026-11-27T13:00'),
    gap('home', '2026-11-27T13:00', '2026-11-27T16:00'),
  ];
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T15:00', 'always', gaps)).toBe('deliver');
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T15:01', 'always', gaps)).toBe('too-late');
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T15:00', weekdays, gaps)).toBe('deliver');
  expect(await outcomeAt('2026-11-27T10:00', '2026-11-27T15:01', weekdays, gaps)).toBe('too-late');
});
