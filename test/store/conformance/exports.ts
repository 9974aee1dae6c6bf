/** Lists that are read page by page, oldest first. */
import { expect } from 'vitest';
import { identifierBound } from '../../../src/leads/identifier.ts';
import type { Store } from '../../../src/store/store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { cancel, deliverDue } from '../../harness/server.ts';
import { withClockOffset } from '../clock.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, type Open, person } from './behaviour.ts';

/** Fills a store with a person of each partner and type, an hour apart, the last one now. */
async function filled(open: Open) {
  const all = await seeded(open());
  const { store, first, second, from } = all;
  await store.addType('home', null);
  await store.grantType('second', 'home');
  const now = Date.now();
  const sent = [
    [first.id, 'motor'],
    [second.id, 'motor'],
    [second.id, 'home'],
    [first.id, 'unknown'],
  ] as const;
  for (const [index, [partnerId, type]] of sent.entries()) {
    const receivedAt = now + (index - sent.length + 1) * hour;
    await withClockOffset(receivedAt - Date.now(), () =>
      store.submit(from(partnerId, { type, receivedAt, mobile: mobileOf(index) })),
    );
  }
  return { ...all, now };
}

async function exportedMobiles(
  store: Store,
  filter: Parameters<Store['exportLeads']>[0],
): Promise<Record<'leads' | 'submissions', number[]>> {
  const indexes = (records: { mobile: string }[]) =>
    records.map(({ mobile }) => [0, 1, 2, 3].findIndex((index) => mobileOf(index) === mobile));
  return {
    leads: indexes(await Array.fromAsync(store.exportLeads(filter))),
    submissions: indexes(await Array.fromAsync(store.exportSubmissions(filter))),
  };
}

export const exportedRecords: Behaviours = {
  'exports leads and submissions as they are listed, oldest first': async (open) => {
    const { store, first, from } = await seeded(open());
    const all = Number.MAX_SAFE_INTEGER;
    await Promise.all(
      Array.from({ length: 1_200 }, (_, index) => store.submit(from(first.id, { mobile: mobileOf(index) }))),
    );
    const late = from(first.id, { type: 'later' });
    await store.submit(late);
    await store.rerunSubmission(late.id);
    await cancel(store, { partnerId: first.id, ...person });
    await deliverDue(store, 'rejected');
    expect(await Array.fromAsync(store.exportLeads({}))).toEqual(
      (await Array.fromAsync(store.leads({}, all))).toReversed(),
    );
    const submissions = await Array.fromAsync(store.exportSubmissions({}));
    expect(submissions).toHaveLength(1_201);
    expect(submissions).toEqual((await Array.fromAsync(store.submissions({}, all))).toReversed());
  },

  'exports what was accepted or received at a time or later, and before another': async (open) => {
    const { store, now } = await filled(open);
    const received = (await Array.fromAsync(store.exportSubmissions({}))).map(({ receivedAt }) => receivedAt);
    expect(received).toEqual([3, 2, 1, 0].map((hours) => now - hours * hour));
    const [, from = 0, before = 0] = received;
    expect((await exportedMobiles(store, { from })).submissions).toEqual([1, 2, 3]);
    expect((await exportedMobiles(store, { from: from + 1, before })).submissions).toEqual([]);
    expect((await exportedMobiles(store, { from, before: before + 1 })).submissions).toEqual([1, 2]);
    const [oldest, middle] = await Array.fromAsync(store.exportLeads({}));
    const times = { from: oldest?.acceptedAt ?? 0, before: middle?.acceptedAt ?? 0 };
    expect((await exportedMobiles(store, times)).leads).toEqual([0]);
    expect((await exportedMobiles(store, { from: times.from + 1 })).leads).toEqual([1, 2]);
  },

  'exports the records of a partner and of a type': async (open) => {
    const { store } = await filled(open);
    expect(await exportedMobiles(store, {})).toEqual({ leads: [0, 1, 2], submissions: [0, 1, 2, 3] });
    expect(await exportedMobiles(store, { partner: 'first' })).toEqual({ leads: [0], submissions: [0, 3] });
    expect(await exportedMobiles(store, { type: 'motor' })).toEqual({ leads: [0, 1], submissions: [0, 1] });
    expect(await exportedMobiles(store, { type: 'motor', partner: 'second' })).toEqual({
      leads: [1],
      submissions: [1],
    });
    // Partners can send types that do not exist.
    const ofUnknown = await Array.fromAsync(store.exportSubmissions({ type: 'unknown' }));
    expect(ofUnknown).toMatchObject([{ outcome: 'unknown-type' }]);
    await store.renameType('motor', 'car');
    for (const type of ['motor', 'car']) {
      expect(await exportedMobiles(store, { type })).toEqual({ leads: [0, 1], submissions: [0, 1] });
    }
    for (const filter of [{ partner: 'nobody' }, { type: 'nothing' }]) {
      await expect(Array.fromAsync(store.exportLeads(filter))).rejects.toThrow('does not exist');
    }
    await expect(Array.fromAsync(store.exportSubmissions({ partner: 'nobody' }))).rejects.toThrow(
      'Partner "nobody" does not exist',
    );
  },

  'exports a record whose id was made while the clock was an hour ahead': async (open) => {
    const { store, first, from } = await seeded(open());
    const receivedAt = Date.now();
    await store.submit(
      from(first.id, { id: identifierBound(receivedAt + hour) + '0'.repeat(10), receivedAt }),
    );
    const range = { from: receivedAt, before: receivedAt + 1 };
    expect(await Array.fromAsync(store.exportSubmissions(range))).toHaveLength(1);
  },
};
