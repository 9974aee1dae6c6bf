/** Counts of accepted leads, which the servers share for the daily quotas. */
import { expect } from 'vitest';
import { seeded } from '../stores.ts';
import type { Behaviours } from './behaviour.ts';

const length = 86_400_000;

export const partnerUsage: Behaviours = {
  'adds the counts that several servers record at once, by partner and day': async (open) => {
    const { store, first, second } = await seeded(open());
    const today = Date.now() - (Date.now() % length);
    const counts = [
      { partnerId: second.id, day: today, accepted: 3 },
      { partnerId: first.id, day: today, accepted: 2 },
      { partnerId: first.id, day: today - length, accepted: 7 },
    ];
    await Promise.all([
      store.recordAccepted(counts),
      store.recordAccepted(counts.toReversed()),
      store.recordAccepted([]),
    ]);
    expect(await store.acceptedOn(today)).toEqual(
      [
        { partnerId: first.id, day: today, accepted: 4 },
        { partnerId: second.id, day: today, accepted: 6 },
      ].toSorted((one, other) => one.partnerId - other.partnerId),
    );
    expect(await store.acceptedOn(today - length)).toEqual([
      { partnerId: first.id, day: today - length, accepted: 14 },
    ]);
    expect(await store.acceptedOn(today + length)).toEqual([]);
    expect(await Array.fromAsync(store.partners())).toMatchObject([
      { name: 'first', acceptedToday: 4 },
      { name: 'second', acceptedToday: 6 },
    ]);
  },

  'deletes the counts of earlier days': async (open) => {
    const { store, first } = await seeded(open());
    for (const day of [0, length]) await store.recordAccepted([{ partnerId: first.id, day, accepted: 1 }]);
    await store.deletePartnerUsage(length);
    expect(await store.acceptedOn(0)).toEqual([]);
    expect(await store.acceptedOn(length)).toHaveLength(1);
  },
};
