/** Many due leads that may not be called now do not delay those that may. */
import { describe, expect, test, vi } from 'vitest';
import { takeDue } from '../../src/cli/take.ts';
import type { Dialler } from '../../src/delivery/dialler.ts';
import type { CallingHours } from '../../src/leads/calling-hours/calling-hours.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { Store } from '../../src/store/store.ts';
import { dispatch, until } from '../harness/dispatch.ts';
import { mobileOf } from '../harness/mobile.ts';
import { seeded, stores } from '../store/stores.ts';

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Hours that are over: those of two days ago. */
function closed(): CallingHours {
  const day = new Date(Date.now() - 2 * 86_400_000).getUTCDay();
  return { hours: `${weekdays[day]} 00:00-24:00`, zone: 'UTC', country: 'GB', holidays: [] };
}

/** Fills a store with due leads that may not be called now, and then with ten that may. */
async function withBacklog(opening: Promise<Store>, count: number) {
  const { store, first, from } = await seeded(opening);
  await store.addType('open', null);
  await store.setCallingHours('open', 'always');
  await store.grantType('first', 'open');
  const add = (type: string, start: number, to: number) =>
    Promise.all(
      Array.from({ length: to - start }, (_, index) =>
        store.submit(from(first.id, { type, mobile: mobileOf(start + index) })),
      ),
    );
  for (let added = 0; added < count; added += 2_000) {
    await add('motor', added, Math.min(count, added + 2_000));
  }
  await store.setCallingHours('motor', closed());
  await add('open', count, count + 10);
  return store;
}

describe.each(stores.filter(({ name }) => name !== 'SQLite in memory'))('$name', ({ open }) => {
  test('permitted leads are delivered after few claims behind 20,000 that are not permitted now', async () => {
    const store = await withBacklog(open(), 20_000);
    const delivered: string[] = [];
    const dialler: Dialler = {
      name: 'test',
      deliver: async ({ type }) => {
        delivered.push(type);
        return { outcome: 'delivered', response: 'ok' };
      },
    };
    const claims = vi.spyOn(store, 'claimDue');
    dispatch(store, dialler);
    await until(async () => expect((await store.leadStats()).byState).toMatchObject({ dialled: 10 }));
    expect(new Set(delivered)).toEqual(new Set(['open']));
    // A page of 500 leads for each claim, and the claims of the permitted leads.
    expect(claims.mock.calls.length).toBeLessThan(100);
    const [waiting] = await Array.fromAsync(store.leads({ state: 'scheduled' }, 1));
    expect(waiting).toMatchObject({ waitsFor: 'calling-hours', attempts: 0 });
  }, 120_000);

  test('leads due --take prints permitted leads behind many that are not, and counts all of those', async () => {
    const store = await withBacklog(open(), 1_200);
    const claims = vi.spyOn(store, 'claimDue');
    const notes: string[] = [];
    const session = {
      store,
      dialWithin: undefined,
      callsPerDay: undefined,
      parsePhone: phoneParsers('GB').parse,
      defaultCountry: 'GB' as const,
      note: (text: string) => void notes.push(text),
    };
    expect(await takeDue(session, 20, () => Promise.resolve())).toBe(10);
    expect(claims.mock.calls.length).toBeLessThan(10);
    expect(notes).toEqual([
      expect.stringMatching(/^Not delivered now \(calling-hours\): 1200 leads wait until /),
    ]);
  }, 60_000);
});
