/** No path delivers a lead outside of its calling hours. */

import { describe, expect, test, vi } from 'vitest';
import { takeDue } from '../../src/cli/take.ts';
import { deliveryPermission } from '../../src/delivery/delivery-rules.ts';
import type { Dialler } from '../../src/delivery/dialler.ts';
import type { CallingHours } from '../../src/leads/calling-hours/calling-hours.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import type { Store } from '../../src/store/store.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { dispatch, until, untilAll } from '../harness/dispatch.ts';
import { leadsIn } from '../harness/server.ts';
import { unscreened } from '../harness/unscreened.ts';
import { seeded, stores } from '../store/stores.ts';

const parsePhone = phoneParsers('GB').parse;
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const day = 86_400_000;

/** Hours in UTC on the weekday of a time (ms since 1970). */
function onDayOf(time: number): CallingHours {
  const hours = `${weekdays[new Date(time).getUTCDay()]} 00:00-24:00`;
  return { hours, zone: 'UTC', country: 'GB', holidays: [] };
}

/** Hours that are over: those of two days ago. They open again in five days. */
const closed = () => onDayOf(Date.now() - 2 * day);

/** Returns the basis of the only attempt of a lead, as the store has it. */
async function basisOf(store: Store, leadId: string): Promise<unknown> {
  const table = tablesToCopy.find(({ name }) => name === 'attempt');
  if (table === undefined) throw new Error('There is no table of attempts.');
  const rows = await store.rows(table, undefined, 10);
  const row = rows.find((each) => each[table.columns.indexOf('lead_id')] === leadId);
  return JSON.parse(String(row?.[table.columns.indexOf('basis')]));
}

/** Returns the permission of a store in which the type `motor` has these hours. */
function permissionOf(callingHours: CallingHours, clockSkew = 0) {
  const store = {
    ...unscreened,
    clockSkew: () => clockSkew,
    deliveryGaps: async () => [],
    recordGaps: async () => {},
    suppressedNumbers: async () => [],
    deliveriesSince: async () => [],
    callingHours: async () => [{ name: 'motor', callingHours }],
  };
  return deliveryPermission({
    store,
    parsePhone,
    defaultCountry: 'GB',
    callsPerDay: undefined,
    dialWithin: undefined,
  });
}

const unclaimed = (content: string) => ({
  id: '1',
  partner: 'acme',
  type: 'motor',
  mobile: '+447840258823',
  acceptedAt: 0,
  dueAt: 0,
  expiresAt: null,
  priority: 0,
  content,
});

function recordingDialler() {
  const delivered: ClaimedLead[] = [];
  const dialler: Dialler = {
    name: 'test',
    deliver: async (lead) => {
      delivered.push(lead);
      return { outcome: 'delivered', response: 'ok' };
    },
  };
  return { delivered, dialler };
}

describe.each(stores.filter(({ name }) => name !== 'SQLite in memory'))('$name', ({ open }) => {
  test('a due lead outside of the calling hours waits for their opening, and its attempt does not count', async () => {
    const { store, first, from } = await seeded(open());
    await store.addType('open', null, onDayOf(Date.now()));
    await store.grantType('first', 'open');
    await store.setCallingHours('motor', closed());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { type: 'open', mobile: '+447840258824' }));
    const { delivered, dialler } = recordingDialler();
    dispatch(store, dialler);
    await until(() => expect(delivered.map(({ type }) => type)).toEqual(['open']));
    await until(async () => {
      const [lead] = (await leadsIn(store)).filter(({ type }) => type === 'motor');
      expect(lead).toMatchObject({ state: 'scheduled', waitsFor: 'calling-hours', attempts: 0 });
      const opensAt = new Date(lead?.nextAttemptAt ?? 0);
      expect(weekdays[opensAt.getUTCDay()]).toBe(closed().hours.slice(0, 3));
      expect(opensAt.toISOString()).toMatch(/T00:00:00\.000Z$/);
    });
  });

  test('an operator’s retry and a re-run do not deliver outside of the calling hours', async () => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await leadsIn(store);
    await store.setCallingHours('motor', closed());
    await store.retryLead(lead?.id ?? '');
    const { delivered, dialler } = recordingDialler();
    dispatch(store, dialler);
    const isWaiting = () =>
      until(async () => expect(await leadsIn(store)).toMatchObject([{ waitsFor: 'calling-hours' }]));
    await isWaiting();
    await store.retryLead(lead?.id ?? '', { isEarly: true });
    await isWaiting();
    expect(delivered).toEqual([]);
    await store.setCallingHours('motor', 'always');
    // Dispatchers apply the change within a second, and release the lead by the earlier hours until then.
    await until(async () => {
      await store.reconsiderWaiting('motor', Date.now());
      expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]);
    });
    expect(delivered).toHaveLength(1);
  });

  test('leads due --take prints no lead outside of the calling hours, and reports until when they wait', async () => {
    const { store, first, from } = await seeded(open());
    await store.setCallingHours('motor', closed());
    for (const mobile of ['+447840258823', '+447840258824']) await store.submit(from(first.id, { mobile }));
    const note = vi.fn();
    const print = vi.fn(() => Promise.resolve());
    const session = {
      store,
      dialWithin: undefined,
      parsePhone,
      defaultCountry: 'GB' as const,
      callsPerDay: undefined,
      note,
    };
    expect(await takeDue(session, 10, print)).toBe(0);
    expect(print).not.toHaveBeenCalled();
    expect(note.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^Not delivered now \(calling-hours\): 2 leads wait until \S+T00:00:00(\.000)?Z\.$/,
        ),
      ],
    ]);
    expect(await leadsIn(store)).toMatchObject([
      { waitsFor: 'calling-hours' },
      { waitsFor: 'calling-hours' },
    ]);
  });

  test('an other_phone that may not be called at the time is left out, which the attempt records', async () => {
    const { store, first, from } = await seeded(open());
    const now = new Date();
    // Permitted in London now; in Tokyo, nine hours later, not before the same time tomorrow.
    const clock = (offset: number) => new Date(now.getTime() + offset).toISOString().slice(11, 16);
    const hours = `Mon-Sun ${clock(-2 * 3_600_000)}-${clock(4 * 3_600_000)}`;
    await store.setCallingHours('motor', { hours, zone: 'person', country: 'GB', holidays: [] });
    const content = JSON.stringify({ first_name: 'John', other_phone: '+81312345678' });
    await store.submit(from(first.id, { content }));
    const { delivered, dialler } = recordingDialler();
    dispatch(store, dialler);
    await untilAll(store, 'dialled');
    expect(delivered[0]?.content).toBe('{"first_name":"John"}');
    const [attempt] = await Array.fromAsync(store.attempts('+447840258823'));
    expect(await basisOf(store, attempt?.leadId ?? '')).toEqual({
      calling_hours: hours,
      zones: 'Europe/London',
    });
    expect(await leadsIn(store)).toMatchObject([
      {
        lastResponse: 'ok; other_phone was left out, because the calling hours do not permit to call it now',
      },
    ]);
  });
});

test('both this machine’s clock and the store’s must permit the call', async () => {
  const hours = { hours: 'Mon-Sun 08:00-18:00', zone: 'UTC', country: 'GB', holidays: [] };
  const noon = Date.parse('2026-11-27T12:00Z');
  const hour = 3_600_000;
  const decideWith = async (clockSkew: number) =>
    (await permissionOf(hours, clockSkew).decide([unclaimed('{}')], noon))[0];
  expect(await decideWith(0)).toMatchObject({ outcome: 'deliver' });
  // The store's clock shows 19:00, then 07:00 of the same day.
  const tomorrow = Date.parse('2026-11-28T08:00Z');
  expect(await decideWith(-7 * hour)).toMatchObject({ outcome: 'wait', until: tomorrow });
  expect(await decideWith(5 * hour)).toMatchObject({ outcome: 'wait', until: noon - 4 * hour });
});

test('a lead without a common hour waits with its own reason', async () => {
  const hours = { hours: 'Mon-Fri 09:00-12:00', zone: 'person', country: 'GB', holidays: [] };
  const lead = unclaimed('{"time_zone":"Australia/Sydney"}');
  const now = Date.parse('2026-11-27T10:00Z');
  expect(await permissionOf(hours).decide([lead], now)).toMatchObject([
    { outcome: 'wait', until: now + day, waitsFor: 'no-common-hours' },
  ]);
});
