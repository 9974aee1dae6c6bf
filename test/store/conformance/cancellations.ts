/** What a store cancels. */
import { expect } from 'vitest';
import { cancel, claim, deliverDue, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, person } from './behaviour.ts';

export const cancellations: Behaviours = {
  'returns the reason if nothing can be cancelled': async (open) => {
    const { store, first, second, from } = await seeded(open());
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'not-found' });
    expect(await cancel(store, { partnerId: first.id, ...person, type: 'other' })).toMatchObject({
      outcome: 'unknown-type',
    });
    await store.submit(from(first.id));
    expect(await cancel(store, { partnerId: second.id, ...person })).toMatchObject({
      outcome: 'not-found',
    });
    await deliverDue(store);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    expect(await cancel(store, { partnerId: second.id, ...person })).toMatchObject({
      outcome: 'not-found',
    });
  },

  'runs a concurrent add and cancel of the same lead in either order': async (open) => {
    const { store, first, from } = await seeded(open());
    for (let round = 0; round < 20; round += 1) {
      const mobile = `+4478402588${round + 10}`;
      const [added, cancelled] = await Promise.all([
        store.submit(from(first.id, { mobile })),
        cancel(store, { partnerId: first.id, type: 'motor', mobile }),
      ]);
      expect(added.outcome).toBe('accepted');
      const [lead] = await Array.fromAsync(store.leads({ mobile }, 1));
      expect(lead?.state).toBe(cancelled.outcome === 'cancelled' ? 'cancelled' : 'scheduled');
    }
  },

  'either claims or cancels a lead if both calls are concurrent': async (open) => {
    const { store, first, from } = await seeded(open());
    for (let round = 0; round < 20; round += 1) {
      const mobile = `+4478402588${round + 10}`;
      await store.submit(from(first.id, { mobile }));
      const cancelling = () => cancel(store, { partnerId: first.id, type: 'motor', mobile });
      const claiming = () => claim(store, `claim-${round}`);
      const [{ outcome: cancelled }, claimed] = await (round % 2
        ? Promise.all([cancelling(), claiming()])
        : Promise.all([claiming(), cancelling()]).then(([leads, outcome]) => [outcome, leads] as const));
      expect(claimed).toHaveLength(cancelled === 'cancelled' ? 0 : 1);
      expect(cancelled).toBe(claimed.length === 0 ? 'cancelled' : 'already-processed');
      for (const { id } of claimed) await record(store, `claim-${round}`, id, 'delivered');
    }
  },
};
