/** Which lead of a person is the last is decided by the store, however wrong the clocks of the servers are. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { emptyDatabase } from '../harness/postgres.ts';
import { cancel, dialDue, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { furnished } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };
const seconds = 1_000;
const hour = 3_600_000;

/** A server on a store: modules of its own, so that its identifiers come from its own clock, as in its own process. */
async function serverOn(url: string): Promise<Store> {
  vi.resetModules();
  const { openStore } = await import('../../src/store/open.ts');
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}

/** Does something while the clock is wrong. */
async function whenClockIs<Result>(milliseconds: number, work: () => Promise<Result>): Promise<Result> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}

describe.each([
  ['SQLite', async () => `sqlite:${join(temporaryDirectory(), 'leads.db')}`],
  ['PostgreSQL', () => emptyDatabase()],
])('%s', (_name, newUrl) => {
  /** Two servers on one store, and a check that the last lead is the one that was accepted last. */
  async function twoServers() {
    const url = await newUrl();
    const one = await serverOn(url);
    const other = await serverOn(url);
    const { first, second, from } = await furnished(one);
    return { one, other, first, second, from, own: { partnerId: first.id, ...person } };
  }

  test.each([
    ['one server is 3 s ahead', 3 * seconds],
    ['one server is a day ahead', 24 * hour],
  ])('a lead is found and cancelled while %s', async (_how, skew) => {
    const { one, other, own, first, from } = await twoServers();
    await whenClockIs(skew, async () => {
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

  test('a lead is found and cancelled after the clock was set back', async () => {
    const { one, other, own, first, from } = await twoServers();
    await one.submit(from(first.id, { delays: 600 }));
    await cancel(one, own);
    await whenClockIs(-hour, async () => {
      await other.submit(from(first.id));
      expect(await other.leadStatus(own)).toMatchObject({ state: 'scheduled' });
      expect(await cancel(other, own)).toMatchObject({ outcome: 'cancelled' });
      expect(await cancel(other, own)).toMatchObject({ outcome: 'not-found' });
    });
  });

  test('a retry knows the newer lead after the clock was set back', async () => {
    const { one, other, second, first, from } = await twoServers();
    await one.submit(from(first.id));
    await dialDue(one, 'rejected');
    const [older] = await leadsIn(one);
    await whenClockIs(-hour, () => other.submit(from(second.id)));
    await dialDue(one, 'rejected');
    const newer = (await leadsIn(one)).find(({ id }) => id !== older?.id);
    expect((newer?.id ?? '') < (older?.id ?? '')).toBe(true);
    await expect(one.retry(older?.id ?? '')).rejects.toThrow(`added again as lead ${newer?.id}`);
    await one.retry(newer?.id ?? '');
    expect((await leadsIn(other)).find(({ id }) => id === newer?.id)).toMatchObject({ state: 'scheduled' });
  });

  test('each partner has a last lead of its own, in the order of the store', async () => {
    const { one, other, own, first, second, from } = await twoServers();
    const theirs = { partnerId: second.id, ...person };
    await whenClockIs(hour, async () => {
      await one.submit(from(first.id));
      await cancel(one, own);
      await one.submit(from(second.id));
      await cancel(one, theirs);
    });
    await other.submit(from(first.id, { delays: 60 }));
    await dialDue(other);
    expect(await other.leadStatus(theirs)).toMatchObject({ state: 'cancelled' });
    expect(await other.leadStatus(own)).toMatchObject({ state: 'scheduled' });
    expect(await cancel(other, theirs)).toMatchObject({ outcome: 'not-found' });
    expect(await cancel(other, own)).toMatchObject({ outcome: 'cancelled' });
  });

  test('a failed lead that is cancelled late does not become the last', async () => {
    const { one, own, first, second, from } = await twoServers();
    await one.submit(from(first.id));
    await dialDue(one, 'rejected');
    await one.submit(from(second.id));
    await dialDue(one, 'rejected');
    const [newer] = await leadsIn(one);
    expect(await cancel(one, own)).toMatchObject({ outcome: 'cancelled' });
    await one.retry(newer?.id ?? '');
    expect((await leadsIn(one)).map(({ state }) => state)).toEqual(['scheduled', 'cancelled']);
  });
});
