/** DIAL_WITHIN does not count the times in which leads could not be delivered, which the store keeps. */
import { expect } from 'vitest';
import { claim, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import type { Behaviours } from './behaviour.ts';

const minute = 60_000;

export const deliveryGaps: Behaviours = {
  'an interruption is stored when it ends, and later ones do not change it': async (open) => {
    const store = await open();
    const start = Date.now() - 600 * minute;
    await store.recordDeliverable(start, minute);
    await store.recordDeliverable(start + minute, minute);
    expect(await store.deliveryGaps(0)).toEqual([]);
    await store.recordDeliverable(start + 61 * minute, minute);
    await store.recordDeliverable(start + 62 * minute, minute);
    // The clock of another server is slow.
    await store.recordDeliverable(start + 30 * minute, minute);
    const gap = { type: undefined, start: start + minute, end: start + 61 * minute };
    expect(await store.deliveryGaps(0)).toEqual([gap]);
    expect(await store.deliveryGaps(gap.end - 1)).toEqual([gap]);
    expect(await store.deliveryGaps(gap.end)).toEqual([]);
  },

  'a pause is a gap of its type while it is in force, and after it has ended': async (open) => {
    const { store } = await seeded(open());
    const before = Date.now();
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'a test' });
    await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'a test', retryAt: before + minute });
    const inForce = await store.deliveryGaps(before);
    expect(inForce.map(({ type }) => type).toSorted()).toEqual(['motor', undefined]);
    for (const { start, end } of inForce) {
      expect(start).toBeGreaterThanOrEqual(before);
      expect(end).toBeGreaterThanOrEqual(start);
    }
    // A gap has a length.
    while (Date.now() <= (inForce[0]?.end ?? 0) + 1) await store.pauses();
    await store.resumeDelivery('motor');
    await store.endDiallerPause(undefined);
    await store.renameType('motor', 'car');
    const ended = await store.deliveryGaps(before);
    expect(ended.map(({ type, start }) => [type, start]).toSorted()).toEqual(
      inForce.map(({ type, start }) => [type && 'car', start]).toSorted(),
    );
  },

  'a gap of a type can be prolonged, and belongs to the type that has the name': async (open) => {
    const { store } = await seeded(open());
    await store.renameType('motor', 'car');
    await store.recordGaps([{ type: 'motor', start: 100, end: 200 }]);
    await store.recordGaps([{ type: 'car', start: 100, end: 300 }]);
    await store.recordGaps([{ type: 'car', start: 100, end: 250 }]);
    expect(await store.deliveryGaps(0)).toEqual([{ type: 'car', start: 100, end: 300 }]);
  },

  'leads that are too late end without an attempt, unless another claim holds them': async (open) => {
    const { store, first, from } = await seeded(open());
    const mobiles = ['+447840258823', '+447840258824', '+447840258825'];
    for (const mobile of mobiles) await store.submit(from(first.id, { mobile }));
    const [sent] = await claim(store, 'first', { limit: 1 });
    if (sent === undefined) throw new Error('No lead was claimed.');
    await record(store, 'first', sent.id, 'unknown', Date.now());
    const claimed = await claim(store, 'second', { limit: 2 });
    const [other] = await claim(store, 'other');
    const ids = [...claimed, other].map((lead) => lead?.id ?? '');
    const ended = await store.endTooLate('second', ids);
    const undecided = claimed.filter(({ id }) => id === sent.id).map(({ id }) => id);
    const expired = claimed.filter(({ id }) => id !== sent.id).map(({ id }) => id);
    expect(ended).toEqual({ expired, undecided });
    const states = new Map((await leadsIn(store)).map((lead) => [lead.id, lead]));
    for (const id of expired) expect(states.get(id)).toMatchObject({ state: 'expired', attempts: 0 });
    for (const id of undecided) {
      expect(states.get(id)).toMatchObject({ state: 'failed', isUndecided: true, attempts: 1 });
    }
    expect(states.get(other?.id ?? '')).toMatchObject({ state: 'scheduled' });
    const again = expired.map((id) => states.get(id)?.mobile ?? '');
    for (const mobile of again) {
      expect(await store.submit(from(first.id, { mobile }))).toMatchObject({ outcome: 'accepted' });
    }
  },
};
