/** What the store knows of leads whose earlier attempts may have arrived, or have not. */

import { expect } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import { claim, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import type { Behaviours } from './behaviour.ts';

/** Claims a lead again after an attempt with an unknown outcome. */
async function claimAfterUnknown(store: Store): Promise<string> {
  const [lead] = await claim(store, 'first');
  await record(store, 'first', lead?.id ?? '', 'unknown', 1);
  const [again] = await claim(store, 'second');
  expect(again).toMatchObject({ id: lead?.id, mayHaveArrived: true });
  return again?.id ?? '';
}

/** Records an attempt of the second claim, before which the dialler did not have the lead. */
function recordAbsent(
  store: Store,
  leadId: string,
  outcome: 'rejected' | 'unavailable' | 'unknown' | 'delivered',
  nextAttemptAt?: number,
) {
  const attempt = { leadId, startedAt: 5_000, endedAt: 6_000, outcome, response: 'once', wasAbsent: true };
  return store.recordAttempt('second', attempt, nextAttemptAt);
}

export const duplicateChecks: Behaviours = {
  'a lead that the dialler did not have and rejects is not undecided': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await recordAbsent(store, await claimAfterUnknown(store), 'rejected');
    expect(await leadsIn(store)).toMatchObject([
      { state: 'failed', isUndecided: false, mayHaveArrived: false },
    ]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },

  'a lead that the dialler did not have is not looked for again after an attempt that was not processed':
    async (open) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      await recordAbsent(store, await claimAfterUnknown(store), 'unavailable', 1);
      expect(await claim(store, 'third')).toMatchObject([{ mayHaveArrived: false, lastUnknownAt: null }]);
    },

  'a lead that the dialler did not have may arrive by the next attempt': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await recordAbsent(store, await claimAfterUnknown(store), 'unknown', 1);
    expect(await claim(store, 'third')).toMatchObject([{ mayHaveArrived: true }]);
  },

  'lists the leads that were delivered in a period after an unknown outcome, oldest first': async (open) => {
    const { store, first, from } = await seeded(open());
    const delivered: string[] = [];
    for (const index of [1, 2, 3]) {
      await store.submit(from(first.id, { mobile: `+44784025882${index}` }));
      const leadId = await claimAfterUnknown(store);
      const attempt = { leadId, startedAt: 1, endedAt: 10_000 - index, response: '', wasAbsent: true };
      await store.recordAttempt('second', { ...attempt, outcome: 'delivered' }, undefined);
      delivered.push(leadId);
    }
    await store.submit(from(first.id, { mobile: '+447840258829' }));
    const [usual] = await claim(store, 'usual');
    await record(store, 'usual', usual?.id ?? '', 'delivered');
    const [one, two, three] = delivered;
    const all = await store.deliveredAfterUnknown({ after: 0, until: Date.now() + 1_000 });
    expect(all.map(({ id, dialledAt }) => [id, dialledAt])).toEqual([
      [three, 9_997],
      [two, 9_998],
      [one, 9_999],
    ]);
    expect(all[0]).toMatchObject({ mobile: '+447840258823', partner: 'first', type: 'motor' });
    const some = await store.deliveredAfterUnknown({ after: 9_997, until: 9_998 });
    expect(some.map(({ id }) => id)).toEqual([two]);
  },

  'remembers until when leads were checked, and never goes back': async (open) => {
    const store = await open();
    expect(await store.duplicatesCheckedUntil()).toBeUndefined();
    await store.recordDuplicatesChecked(2_000);
    await store.recordDuplicatesChecked(1_000);
    expect(await store.duplicatesCheckedUntil()).toBe(2_000);
    await store.recordDuplicatesChecked(3_000);
    expect(await store.duplicatesCheckedUntil()).toBe(3_000);
  },
};
