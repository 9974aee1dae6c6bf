/** How pauses hold back deliveries. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { cancel, claim, endDueAsTooLate, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person } from './behaviour.ts';

export const pauses: Behaviours = {
  'claims no lead of a paused type, and continues with the other types': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id));
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    expect(await store.nextAttemptAt()).toBeUndefined();
    await store.submit(from(first.id, { type: 'home' }));
    expect(await store.nextAttemptAt()).toBeLessThanOrEqual(Date.now());
    expect(await store.leadStats()).toMatchObject({ due: 1, duePaused: 1 });
    expect(await Array.fromAsync(store.dueLeads(10))).toMatchObject([{ type: 'home' }]);
    expect(await claim(store, 'one')).toMatchObject([{ type: 'home' }]);
    expect(await store.leadStats()).toMatchObject({ due: 0, duePaused: 1 });

    await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'moving' });
    expect(await store.nextAttemptAt()).toBeUndefined();
    await store.resumeDelivery('motor');
    expect(await claim(store, 'two')).toEqual([]);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    await store.resumeDelivery(undefined);
    expect(await claim(store, 'two')).toMatchObject([{ type: 'motor' }]);
  },

  'records attempts in flight when their delivery is paused, and holds back retries': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const [one, two] = await claim(store, 'test');
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
    await record(store, 'test', one?.id ?? '', 'delivered');
    await record(store, 'test', two?.id ?? '', 'unavailable', Date.now());
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
    expect(await claim(store, 'next')).toEqual([]);
    await store.resumeDelivery(undefined);
    expect(await claim(store, 'next')).toMatchObject([{ id: two?.id }]);
  },

  'pauses delivery for a reason that contains U+0000': async (open) => {
    const { store } = await seeded(open());
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login \0 incorrect' });
    expect(await store.pauses()).toMatchObject([{ by: 'dialler', reason: expect.stringContaining('login') }]);
  },

  'lists pauses with their author and reason: the latest of an operator, the first of a dialler': async (
    open,
  ) => {
    const { store } = await seeded(open());
    const before = Date.now();
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'first' });
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'second' });
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'first' });
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'second' });
    await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'both' });
    const pauses = await store.pauses();
    expect(pauses.map(({ type, by, reason }) => [type, by, reason])).toEqual([
      [undefined, 'dialler', 'first'],
      [undefined, 'operator', 'both'],
      ['motor', 'operator', 'second'],
    ]);
    for (const { since } of pauses) {
      expect(since).toBeGreaterThanOrEqual(before);
      expect(since).toBeLessThanOrEqual(Date.now());
    }
    await expect(store.pauseDelivery({ type: 'home', by: 'operator', reason: 'x' })).rejects.toThrow(
      UserError,
    );
    expect(await store.resumeDelivery('home')).toEqual([]);
    expect((await store.resumeDelivery(undefined)).map(({ reason }) => reason).toSorted()).toEqual([
      'both',
      'first',
    ]);
    expect(await store.pauses()).toEqual(pauses.slice(2));
    expect(await store.resumeDelivery('motor')).toEqual(pauses.slice(2));
    expect(await store.pauses()).toEqual([]);
  },

  'lets leads through once a pause that ends by itself has lasted long enough, but remains in force': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const pause = { type: 'motor', by: 'dialler', reason: 'no such list' } as const;
    await store.pauseDelivery({ ...pause, retryAt: Date.now() + hour });
    expect([await claim(store, 'early'), await store.nextAttemptAt()]).toEqual([[], undefined]);
    const [before] = await store.pauses();
    expect(before).toMatchObject({ ...pause, retryAt: expect.any(Number) });
    await store.pauseDelivery({ ...pause, reason: 'no such campaign', retryAt: Date.now() });
    expect(await store.pauses()).toMatchObject([{ reason: 'no such campaign', since: before?.since }]);
    expect(await store.nextAttemptAt()).toBeLessThanOrEqual(Date.now());
    expect(await store.leadStats()).toMatchObject({ due: 0, duePaused: 1 });
    expect(await claim(store, 'trial')).toMatchObject([{ type: 'motor' }]);
    await store.endDiallerPause('motor');
    expect(await store.pauses()).toEqual([]);
  },

  'a pause of all types that ends by itself lets the leads of every type through': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const pause = { type: undefined, by: 'dialler', reason: 'locked' } as const;
    await store.pauseDelivery({ ...pause, retryAt: Date.now() + hour });
    expect(await claim(store, 'early')).toEqual([]);
    await store.pauseDelivery({ ...pause, retryAt: Date.now() });
    expect(await claim(store, 'trial')).toMatchObject([{ type: 'motor' }]);
    await store.endDiallerPause('motor');
    expect(await store.pauses()).toHaveLength(1);
    await store.endDiallerPause(undefined);
    expect(await store.pauses()).toEqual([]);
  },

  'a pause that an operator must end does not end by itself': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const retryAt = Date.now();
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'locked', retryAt });
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'locked', retryAt });
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    for (const type of [undefined, 'motor']) await store.endDiallerPause(type);
    expect(await store.pauses()).toMatchObject([{ reason: 'login incorrect' }, { reason: 'maintenance' }]);
    expect((await store.pauses())[0]).not.toHaveProperty('retryAt');
    await store.resumeDelivery('motor');
    expect(await claim(store, 'test')).toEqual([]);
  },

  'does not call a lead that became too late while its delivery was paused': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
    expect(await endDueAsTooLate(store)).toEqual({ expired: [], undecided: [] });
    await store.resumeDelivery('motor');
    expect(await endDueAsTooLate(store)).toMatchObject({ expired: [expect.any(String)] });
    expect(await leadsIn(store)).toMatchObject([{ state: 'expired' }]);
  },
};
