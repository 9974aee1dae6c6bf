import type { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { rateLimit } from '../../../src/partners/rate-limit.ts';
import { openRaw, responsesOn, send } from '../../harness/client.ts';
import { operationOf, type ReceivedResponse, type SentRequest } from '../../harness/contract.ts';
import { bringsEveryExample, type Scenario } from '../../harness/examples.ts';
import { overfill } from '../../harness/overfill.ts';
import { holdWriteLock, startServer, type TestServer } from '../../harness/server.ts';

/** Stops the clock that limits are counted by, so that nothing is free again while a test lasts, on however busy a machine. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A limit under which hardly anything is free again while a test lasts. */
function slow(burst: number) {
  return rateLimit(0.1, burst);
}

/** More than an address may send. */
const authFailures = 60;

/** Sends too many requests at once, each with another unknown key, and gives a refusal that is not for the key alone. */
async function blocked(
  server: TestServer,
  id: OperationId,
  sent: (index: number) => SentRequest = () => ({}),
): Promise<ReceivedResponse | undefined> {
  const answers = await Promise.all(
    Array.from({ length: authFailures }, (_, index) => send({ ...server, key: newKey() }, id, sent(index))),
  );
  return answers.find(({ status }) => status === 429);
}

async function lastOf(
  count: number,
  sendOne: (index: number) => Promise<ReceivedResponse>,
): Promise<ReceivedResponse> {
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
    'too-many-invalid-keys': {
      send: async (server) => {
        const refused = await blocked(server, id);
        if (refused === undefined) throw new Error('An address may send any number of wrong keys.');
        return refused;
      },
    },
    'too-many-from-address': {
      options: { requestsPerAddress: 2 },
      send: async (server) => {
        const sockets = await Promise.all([openRequest(server, id), openRequest(server, id)]);
        const refused = await send(server, id);
        for (const socket of sockets) socket.destroy();
        return refused;
      },
    },
  };
}

/** A request that is in flight: its head is read, which `100 Continue` tells, and its body does not come. */
async function openRequest(server: TestServer, id: OperationId): Promise<Socket> {
  const { method, path } = operationOf(id);
  const socket = openRaw(server);
  const begun = responsesOn(socket, 1);
  socket.write(
    `${method} ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n` +
      'Content-Length: 100\r\nExpect: 100-continue\r\n\r\n',
  );
  const [{ status } = { status: 0 }] = await begun;
  expect(status).toBe(100);
  return socket;
}

/** A partner can tell how fast it may send, and nobody finds a key by trying. */
export function limitsRates(id: OperationId): void {
  test('every answer to a key says how many requests are left, and a refusal when to come back', async () => {
    stopClock();
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
    stopClock();
    const server = await startServer({ rateLimit: rateLimit(1, 1) });
    const maxConcurrent = await Promise.all(Array.from({ length: 5 }, () => send(server, id)));
    expect(maxConcurrent.map(({ status }) => status).toSorted()).toEqual([200, 429, 429, 429, 429]);
    const wait = Number(maxConcurrent.find(({ status }) => status === 429)?.headers['retry-after']);
    vi.advanceTimersByTime(wait * 1_000 - 1);
    expect((await send(server, id)).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await send(server, id)).status).toBe(200);
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

  test('no valid key is shut out by invalid keys from the same address, not even one that is new', async () => {
    const server = await startServer();
    expect((await blocked(server, id))?.status).toBe(429);
    const unseen = newKey();
    await server.store.addKey(server.partner, 'second', digestOf(unseen));
    const flood = blocked(server, id);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        send(index % 2 === 0 ? server : { ...server, key: unseen }, id),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(200));
    await server.store.revokeKey('second');
    for (let count = 0; count < 3; count += 1) {
      expect((await send({ ...server, key: unseen }, id)).status).toBeOneOf([401, 429]);
    }
    await flood;
  });

  test('requests without any key count as well', async () => {
    stopClock();
    const server = await startServer();
    const keyless = () => send(server, id, { query: { key: null } });
    const answers = await Promise.all(Array.from({ length: authFailures }, keyless));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(30);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
  });

  test('behind a trusted proxy each client has its own count of wrong keys, and nobody else is believed', async () => {
    stopClock();
    const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    const trusting = await startServer({ trustedProxies: ['loopback'] });
    const wrong = { ...trusting, key: newKey() };
    const refused = await blocked(trusting, id, () => from('192.0.2.1'));
    expect(refused?.headers).toMatchObject({
      'ratelimit-policy': '"wrong-keys";q=30;w=30',
      ratelimit: '"wrong-keys";r=0;t=1',
      'retry-after': '1',
    });
    expect((await send(wrong, id, from('192.0.2.2'))).status).toBe(401);
    expect(await blocked(trusting, id, (index) => from(`2001:db8:0:1::${index}`))).toBeDefined();
    expect((await send(wrong, id, from('2001:db8:0:2::1'))).status).toBe(401);
    // What the client itself wrote before the proxy’s own entry is not believed.
    expect(await blocked(trusting, id, (index) => from(`198.51.100.${index}, 192.0.2.1`))).toBeDefined();

    const alone = await startServer();
    expect(await blocked(alone, id, (index) => from(`192.0.2.${index}`))).toBeDefined();
  });
}

/** One partner's burst must not fill the queue that all partners wait in. */
export function boundsEachKey(id: OperationId): void {
  bringsEveryExample(id, 429, {
    ...limitScenarios(id),
    'too-many-in-flight': {
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
