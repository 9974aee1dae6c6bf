import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { rateLimit } from '../../../src/partners/rate-limit.ts';
import { send } from '../../harness/client.ts';
import type { Answer } from '../../harness/contract.ts';
import { bringsEveryExample, type Scenario } from '../../harness/examples.ts';
import { overfill } from '../../harness/overfill.ts';
import { holdWriteLock, startServer } from '../../harness/server.ts';

/** A limit under which nothing is free again while a test lasts, on however busy a machine. */
function slow(burst: number) {
  return rateLimit(0.1, burst);
}

/** More than an address may send, even where each takes half a second. */
const wrongKeys = 60;

async function lastOf(count: number, sendOne: (index: number) => Promise<Answer>): Promise<Answer> {
  let last = await sendOne(0);
  for (let index = 1; index < count; index += 1) last = await sendOne(index);
  return last;
}

/** How the examples come about that are about how many requests come in, not how many are under way. */
export function limitScenarios(id: OperationId): Record<string, Scenario> {
  return {
    'rate-limited': {
      options: { rateLimit: slow(2) },
      send: async (server) => lastOf(4, () => send(server, id)),
    },
    'too-many-wrong-keys': {
      send: async (server) => lastOf(wrongKeys, () => send({ ...server, key: newKey() }, id)),
    },
  };
}

/** A partner can tell how fast it may send, and nobody finds a key by trying. */
export function limitsRates(id: OperationId): void {
  test('every answer to a key says how many requests are left, and a refusal when to come back', async () => {
    const server = await startServer({ rateLimit: slow(2) });
    const policy = { 'ratelimit-policy': '"default";q=2;w=20' };
    expect((await send(server, id)).headers).toMatchObject({ ...policy, ratelimit: '"default";r=1;t=10' });
    expect((await send(server, id, { body: {} })).headers).toMatchObject(policy);
    const refused = await lastOf(2, () => send(server, id));
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      ...policy,
      ratelimit: '"default";r=0;t=10',
      'retry-after': '10',
    });
    expect((await send(server, id, { query: { key: null } })).headers).not.toHaveProperty('ratelimit');
  });

  test('who waits as long as Retry-After says is served again', async () => {
    const server = await startServer({ rateLimit: rateLimit(1, 1) });
    const atOnce = await Promise.all(Array.from({ length: 5 }, () => send(server, id)));
    expect(atOnce.map(({ status }) => status)).toContain(429);
    await expect
      .poll(async () => (await send(server, id)).status, { interval: 100, timeout: 10_000 })
      .toBe(200);
  });

  test('a partner’s own limit goes before that of the deployment, from the next request on', async () => {
    const server = await startServer({ rateLimit: slow(1) });
    await server.store.limitPartner(server.partner, 'off');
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(server, id)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(answers[0]?.headers).not.toHaveProperty('ratelimit-policy');
    await server.store.limitPartner(server.partner, rateLimit(2, 3));
    expect((await send(server, id)).headers).toMatchObject({ 'ratelimit-policy': '"default";q=3;w=2' });
    await server.store.limitPartner(server.partner, 'default');
    expect((await send(server, id)).headers).toMatchObject({ 'ratelimit-policy': '"default";q=1;w=10' });
    expect((await send(server, id)).status).toBe(429);
  });

  test('one key’s requests do not use up another’s', async () => {
    const server = await startServer({ rateLimit: slow(1) });
    const key = newKey();
    await server.store.addKey(server.partner, 'second', digestOf(key));
    expect((await lastOf(2, () => send(server, id))).status).toBe(429);
    expect((await send({ ...server, key }, id)).status).toBe(200);
  });

  test('who knows a good key is not shut out by the wrong keys of others at the same address', async () => {
    const server = await startServer();
    expect((await send(server, id)).status).toBe(200);
    const unseen = newKey();
    await server.store.addKey(server.partner, 'second', digestOf(unseen));
    await lastOf(wrongKeys, () => send({ ...server, key: newKey() }, id));
    expect((await send(server, id)).status).toBe(200);
    // A key that was never seen could be the attacker’s next guess.
    expect((await send({ ...server, key: unseen }, id)).status).toBe(429);
  });

  test('behind a trusted proxy each client has its own count of wrong keys, and nobody else is believed', async () => {
    const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    const trusting = await startServer({ trustedProxies: ['loopback'] });
    const wrong = { ...trusting, key: newKey() };
    const blocked = await lastOf(wrongKeys, () => send(wrong, id, from('192.0.2.1')));
    expect(blocked.status).toBe(429);
    expect(blocked.headers).toMatchObject({
      'ratelimit-policy': '"wrong-keys";q=30;w=30',
      ratelimit: '"wrong-keys";r=0;t=1',
      'retry-after': '1',
    });
    expect((await send(wrong, id, from('192.0.2.2'))).status).toBe(401);
    expect((await lastOf(wrongKeys, (index) => send(wrong, id, from(`2001:db8:0:1::${index}`)))).status).toBe(
      429,
    );
    expect((await send(wrong, id, from('2001:db8:0:2::1'))).status).toBe(401);
    // What the client itself wrote before the proxy’s own entry is not believed.
    const claimed = await lastOf(wrongKeys, (index) =>
      send(wrong, id, from(`198.51.100.${index}, 192.0.2.1`)),
    );
    expect(claimed.status).toBe(429);

    const alone = await startServer();
    const stranger = { ...alone, key: newKey() };
    const told = await lastOf(wrongKeys, (index) => send(stranger, id, from(`192.0.2.${index}`)));
    expect(told.status).toBe(429);
  });
}

/** One partner's burst must not fill the queue that all partners wait in. */
export function boundsEachKey(id: OperationId): void {
  bringsEveryExample(id, 429, {
    ...limitScenarios(id),
    'too-many-requests': {
      options: { inFlightPerKey: 2 },
      send: async (server) => (await overfill(server, id, 2)).refused,
    },
  });

  test('requests that have their turn are answered all the same, and further ones after them', async () => {
    const server = await startServer({ inFlightPerKey: 2 });
    const { taken } = await overfill(server, id, 2);
    expect(taken.map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });

  test('the requests of another key are not counted', async () => {
    const server = await startServer({ inFlightPerKey: 1 });
    const key = newKey();
    await server.store.addKey(server.partner, 'second', digestOf(key));
    const lock = holdWriteLock(server.file);
    const both = [send(server, id), send({ ...server, key }, id)];
    lock.release();
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
  });
}
