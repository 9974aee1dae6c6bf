/** Which submissions a store accepts. */

import { expect } from 'vitest';
import { mobileOf } from '../../harness/mobile.ts';
import { cancel, deliverDue, leadsIn, submissionsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, waitLongerThan } from './behaviour.ts';

const year = 365 * 24 * hour;
export const submissions: Behaviours = {
  'accepts a person once per type, whichever partner sends': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await store.submit(from(second.id))).toMatchObject({ outcome: 'already-scheduled' });
    expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'accepted' });
    expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
      outcome: 'accepted',
    });
  },

  'accepts exactly one of two hundred equal concurrent submissions': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const all = Array.from({ length: 200 }, (_, index) =>
      store.submit(from(index % 2 ? first.id : second.id)),
    );
    const outcomes = (await Promise.all(all)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'already-scheduled')).toHaveLength(199);
    expect(await submissionsIn(store)).toHaveLength(200);
  },

  'never accepts a dialled person again if the type has no re-contact period': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'does not accept a dialled person during the re-contact period': async (open) => {
    const { store, first, from } = await seeded(open(), year);
    await store.submit(from(first.id));
    await deliverDue(store);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'accepts a person once after the re-contact period, and keeps the earlier lead': async (open) => {
    const { store, first, second, from } = await seeded(open(), 20);
    await store.submit(from(first.id));
    await deliverDue(store);
    await waitLongerThan(20);
    const outcomes = await Promise.all([first, second, first].map(({ id }) => store.submit(from(id))));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'already-scheduled',
      'already-scheduled',
    ]);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'dialled']);
  },

  'accepts a person again after a cancellation, and keeps the cancelled lead': async (open) => {
    const { store, first, second, from } = await seeded(open());
    for (let round = 0; round < 3; round += 1) {
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
        outcome: 'cancelled',
      });
    }
    expect(await store.submit(from(second.id))).toMatchObject({ outcome: 'accepted' });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual([
      'scheduled',
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  },

  'finishes waiting writes when it is closed': async (open) => {
    const { store, first, from } = await seeded(open());
    const writes = Array.from({ length: 700 }, (_, index) =>
      store.submit(from(first.id, { mobile: mobileOf(index) })),
    );
    await store.close();
    expect(new Set((await Promise.all(writes)).map(({ outcome }) => outcome))).toEqual(new Set(['accepted']));
  },
};
