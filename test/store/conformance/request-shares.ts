/** All servers together never send more requests to the dialler at once than its user permits. */
import { expect } from 'vitest';
import type { RequestShares } from '../../../src/store/request-shares.ts';
import type { Behaviours } from './behaviour.ts';

const terms = { total: 9, max: 3, duration: 60_000 };

/** Renews the share of a server that has `held` requests in flight, and returns the number that it may send. */
async function renew(store: RequestShares, server: string, held = 0): Promise<number> {
  return (await store.renewRequestShare({ ...terms, server, held })).requests;
}

export const requestShares: Behaviours = {
  'gives up to three servers their maximum, and a fourth none until the others have made room': async (
    open,
  ) => {
    const store = await open();
    for (const server of ['one', 'two', 'three']) expect(await renew(store, server)).toBe(3);
    const joining = { ...terms, server: 'four', held: 0 };
    expect(await store.renewRequestShare(joining)).toEqual({ requests: 0, isChanging: true });
    // It sends no more than two from now on, but its three requests in flight still count.
    expect(await store.renewRequestShare({ ...terms, server: 'one', held: 3 })).toEqual({
      requests: 2,
      isChanging: true,
    });
    expect(await renew(store, 'four')).toBe(0);
    expect(await renew(store, 'one', 2)).toBe(2);
    expect(await renew(store, 'four')).toBe(1);
    expect(await renew(store, 'two', 2)).toBe(2);
    expect(await store.renewRequestShare(joining)).toEqual({ requests: 2, isChanging: false });
  },

  'gives the tenth server none, until another one leaves': async (open) => {
    const store = await open();
    const servers = Array.from({ length: 10 }, (_, index) => `server ${index}`);
    for (let round = 0; round < 3; round += 1) for (const server of servers) await renew(store, server);
    const shares = await Promise.all(servers.map((server) => renew(store, server)));
    expect(shares.toSorted()).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const last = servers[shares.indexOf(0)] ?? '';
    await store.endRequestShare(servers.find((server) => server !== last) ?? '');
    expect(await renew(store, last)).toBe(1);
  },

  'shares of servers that join at once do not add up to more than the total': async (open) => {
    const store = await open();
    const servers = Array.from({ length: 12 }, (_, index) => `server ${index}`);
    const shares = await Promise.all(servers.map((server) => renew(store, server)));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(9);
  },

  'a share that was not renewed ends': async (open) => {
    const store = await open();
    for (const server of ['one', 'two']) await renew(store, server);
    await store.renewRequestShare({ ...terms, server: 'three', held: 3, duration: 0 });
    expect(await renew(store, 'four')).toBe(3);
  },
};
