/** Partners behind a shared address or an unlisted proxy must get through a flood of invalid keys from it. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { newKey } from '../../src/partners/key.ts';
import { ActiveKeyCache } from '../../src/server/active-key-cache.ts';
import { openStore } from '../../src/store/open.ts';
import { send } from '../harness/client.ts';
import { createKey, serve } from '../harness/server.ts';
import { sharedStores } from '../store/stores.ts';

describe.each(sharedStores)('on $name', ({ newUrl }) => {
  test('accepts valid keys during a flood after a restart', async () => {
    const url = await newUrl();
    const first = await serve(await openStore(url));
    const keys = [first.key];
    for (let count = 1; count < 60; count += 1) {
      keys.push(await createKey(first, `key-${count}`));
    }
    const server = await serve(await openStore(url), {}, first);
    let isFlooding = true;
    onTestFinished(() => {
      isFlooding = false;
    });
    const statuses: number[] = [];
    const flood = Array.from({ length: 4 }, async (_, index) => {
      while (isFlooding) {
        const query = { key: index % 2 === 0 ? null : newKey() };
        statuses.push((await send(server, 'leadStatus', { query })).status);
      }
    });
    await expect.poll(() => statuses.includes(429)).toBe(true);
    const responses = [];
    for (const key of keys) responses.push(await send({ ...server, key }, 'leadStatus'));
    expect(responses.map(({ status }) => status)).toEqual(Array(60).fill(200));
    // A key is accepted from its creation until its revocation.
    const created = await createKey(first, 'created');
    expect((await send({ ...server, key: created }, 'leadStatus')).status).toBe(200);
    await first.store.revokeKey('created');
    expect((await send({ ...server, key: created }, 'leadStatus')).status).toBeOneOf([401, 429]);
    isFlooding = false;
    await Promise.all(flood);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  });
});

test('does not count new valid keys against the limit of their address', async () => {
  const server = await serve(await openStore('sqlite::memory:'));
  const keys: string[] = [];
  for (let count = 0; count < 40; count += 1) keys.push(await createKey(server, `key-${count}`));
  const responses = await Promise.all(keys.map((key) => send({ ...server, key }, 'leadStatus')));
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await send({ ...server, key: newKey() }, 'leadStatus')).status).toBe(401);
});

test('treats a revoked key like any other invalid key', async () => {
  const server = await serve(await openStore('sqlite::memory:'));
  const key = await createKey(server, 'second');
  expect((await send({ ...server, key }, 'leadStatus')).status).toBe(200);
  await server.store.revokeKey('second');
  const responses = await Promise.all(
    Array.from({ length: 60 }, () => send({ ...server, key }, 'leadStatus')),
  );
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([401, 429]));
});

/** Starts a server with a second key, `second`. Its clock is stopped, so that no failure is forgiven meanwhile. */
async function serveWithStoppedClock() {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const server = await serve(await openStore('sqlite::memory:'));
  const key = await createKey(server, 'second');
  return { server, key };
}

test('counts the first request with a key that was valid before as a failure', async () => {
  const { server, key } = await serveWithStoppedClock();
  expect((await send({ ...server, key }, 'leadStatus')).status).toBe(200);
  await server.store.revokeKey('second');
  const statuses = [(await send({ ...server, key }, 'leadStatus')).status];
  while (statuses.at(-1) === 401) {
    statuses.push((await send({ ...server, key: newKey() }, 'leadStatus')).status);
  }
  expect(statuses).toEqual([...Array.from({ length: 30 }, () => 401), 429]);
});

test('a valid key that is used for the first time during a flood does not allow another invalid one', async () => {
  const { server, key } = await serveWithStoppedClock();
  await Promise.all(Array.from({ length: 40 }, () => send({ ...server, key: newKey() }, 'leadStatus')));
  expect((await send({ ...server, key }, 'leadStatus')).status).toBe(200);
  expect((await send({ ...server, key: newKey() }, 'leadStatus')).status).toBe(429);
});

test('looks up a key that was revoked during a flood only once more', async () => {
  const { server, key } = await serveWithStoppedClock();
  await Promise.all(Array.from({ length: 60 }, () => send({ ...server, key: newKey() }, 'leadStatus')));
  expect((await send({ ...server, key }, 'leadStatus')).status).toBe(200);
  await server.store.revokeKey('second');
  const lookUps = vi.spyOn(server.store, 'keyHolder');
  const statuses: number[] = [];
  for (let request = 0; request < 5; request += 1) {
    statuses.push((await send({ ...server, key }, 'leadStatus')).status);
  }
  expect(statuses).toEqual([401, 401, 429, 429, 429]);
  expect(lookUps).toHaveBeenCalledTimes(2);
});

test('reads the active keys a few times a second, for any number of requests', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    let digests = ['a'];
    const activeKeyDigests = vi.fn(async () => digests);
    const keys = new ActiveKeyCache({ activeKeyDigests });
    expect(await Promise.all(['a', 'b', 'a', 'c'].map((digest) => keys.has(digest)))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(activeKeyDigests).toHaveBeenCalledTimes(1);
    expect(await keys.has('a')).toBe(true);
    expect(activeKeyDigests).toHaveBeenCalledTimes(1);
    // The next query finds a key created after the last one.
    digests = ['a', 'b'];
    const created = keys.has('b');
    const unknown = Promise.all(Array.from({ length: 500 }, (_, index) => keys.has(`x${index}`)));
    await vi.advanceTimersByTimeAsync(249);
    expect(activeKeyDigests).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await created).toBe(true);
    expect(new Set(await unknown)).toEqual(new Set([false]));
    expect(activeKeyDigests).toHaveBeenCalledTimes(2);
    // Requests beyond the maximum number of waiting ones do not wait.
    const waiting = Array.from({ length: 1_000 }, (_, index) => keys.has(`y${index}`));
    expect(await keys.has('z')).toBe(false);
    await vi.advanceTimersByTimeAsync(250);
    await Promise.all(waiting);
    expect(activeKeyDigests).toHaveBeenCalledTimes(3);
    digests = ['a', 'b', 'z'];
    const afterwards = keys.has('z');
    await vi.advanceTimersByTimeAsync(250);
    expect(await afterwards).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('reads the active keys again after a failed query', async () => {
  const activeKeyDigests = vi.fn(async () => ['a']);
  activeKeyDigests.mockRejectedValueOnce(new Error('the store is down'));
  const keys = new ActiveKeyCache({ activeKeyDigests });
  await expect(keys.has('a')).rejects.toThrow('the store is down');
  expect(await keys.has('a')).toBe(true);
});
