/** The store decides which lead of a person is the latest, however wrong the servers' clocks are. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { cancel, deliverDue, leadsIn } from '../harness/server.ts';
import { withClockOffset } from './clock.ts';
import { seeded, sharedStores } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };
const seconds = 1_000;
const hour = 3_600_000;

/**
 * Opens a store with its own instances of all modules, so that its identifiers have their own clock, as in another
 * process.
 */
async function serverOn(url: string): Promise<Store> {
  vi.resetModules();
  const { openStore } = await import('../../src/store/open.ts');
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}

describe.each(sharedStores)('$name', ({ newUrl }) => {
  /** Opens one store twice, as two servers do. */
  async function twoServers() {
    const url = await newUrl();
    const one = await serverOn(url);
    const other = await serverOn(url);
    const { first, second, from } = await seeded(one);
    return { one, other, first, second, from, own: { partnerId: first.id, ...person } };
  }

  test.each([
    ['one server is 3 s ahead', 3 * seconds],
    ['one server is a day ahead', 24 * hour],
  ])('finds and cancels a lead while %s', async (_how, skew) => {
    const { one, other, own, first, from } = await twoServers();
    await withClockOffset(skew, async () => {
      await one.submit(from(first.id));
      expect(await cancel(one, own)).toMatchObject({ outcome: 'cancelled' });
    });
    const added = await other.submit(from(first.id, { delays: 60 }));
    expect(added).toMatchObject({ outcome: 'accepted' });
    const dueAt = 'dueAt' in added ? added.dueAt : 0;
    for (const store of [one, other]) {
      expect(await store.leadStatus(own)).toMatchObject({ state: 'scheduled', dueAt });
    }
    expect(await cancel(other, own)).toMatchObject({ outcome: 'cancelled' });
    expect(await one.leadStatus(own)).toMatchObject({ state: 'cancelled', dueAt });
    expect((await leadsIn(one)).map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
  });

  test('finds and cancels a lead after the clock was set back', async () => {
    const { one, other, own, first, from } = await twoServers();
    await one.submit(from(first.id, { delays: 600 }));
    await cancel(one, own);
    await withClockOffset(-hour, async () => {
      await other.submit(from(first.id));
      expect(await other.leadStatus(own)).toMatchObject({ state: 'scheduled' });
      expect(await cancel(other, own)).toMatchObject({ outcome: 'cancelled' });
      expect(await cancel(other, own)).toMatchObject({ outcome: 'not-found' });
    });
  });

  test('does not retry a lead if a later one has an earlier time', async () => {
    const { one, other, second, first, from } = await twoServers();
    await one.submit(from(first.id));
    await deliverDue(one, 'rejected');
    const [older] = await leadsIn(one);
    await withClockOffset(-hour, () => other.submit(from(second.id)));
    await deliverDue(one, 'rejected');
    const newer = (await leadsIn(one)).find(({ id }) => id !== older?.id);
    expect((newer?.id ?? '') < (older?.id ?? '')).toBe(true);
    await expect(one.retryLead(older?.id ?? '')).rejects.toThrow(`added again as lead ${newer?.id}`);
    await one.retryLead(newer?.id ?? '');
    expect((await leadsIn(other)).find(({ id }) => id === newer?.id)).toMatchObject({ state: 'scheduled' });
  });

  test('finds the latest lead of each partner in the order of the store', async () => {
    const { one, other, own, first, second, from } = await twoServers();
    const theirs = { partnerId: second.id, ...person };
    await withClockOffset(hour, async () => {
      await one.submit(from(first.id));
      await cancel(one, own);
      await one.submit(from(second.id));
      await cancel(one, theirs);
    });
    await other.submit(from(first.id, { delays: 60 }));
    await deliverDue(other);
    expect(await other.leadStatus(theirs)).toMatchObject({ state: 'cancelled' });
    expect(await other.leadStatus(own)).toMatchObject({ state: 'scheduled' });
    expect(await cancel(other, theirs)).toMatchObject({ outcome: 'not-found' });
    expect(await cancel(other, own)).toMatchObject({ outcome: 'cancelled' });
  });

  test('does not make a failed lead the latest by cancelling it', async () => {
    const { one, own, first, second, from } = await twoServers();
    await one.submit(from(first.id));
    await deliverDue(one, 'rejected');
    await one.submit(from(second.id));
    await deliverDue(one, 'rejected');
    const [newer] = await leadsIn(one);
    expect(await cancel(one, own)).toMatchObject({ outcome: 'cancelled' });
    await one.retryLead(newer?.id ?? '');
    expect((await leadsIn(one)).map(({ state }) => state)).toEqual(['scheduled', 'cancelled']);
  });
});
