/** One partner's burst must not delay the other partners, and nobody may try one key after another. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { newKey } from '../../src/partners/key.ts';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { openRaw, rawRequest, responsesOn, send as sendTo, type Target } from '../harness/client.ts';
import {
  defaultBody,
  type ExampleRequest,
  operationsWith,
  type ReceivedResponse,
} from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { overfill } from '../harness/overfill.ts';
import { createKey, startServer, type TestServer } from '../harness/server.ts';

/** Sends a request that counts as one: with rows, only the first of them. */
function send(target: Target, id: OperationId, sent: ExampleRequest = {}): Promise<ReceivedResponse> {
  const { leads } = defaultBody(id);
  return sendTo(target, id, Array.isArray(leads) ? { body: { leads: leads.slice(0, 1) }, ...sent } : sent);
}

/** Stops the clock of the rate limits, so that no allowance returns during a test, however slow the machine is. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Returns a limit whose allowance hardly returns during a test. */
function slowLimit(burst: number) {
  return rateLimit(0.1, burst);
}

/** Number of failures that exceeds the limit of an address. */
const tooManyFailures = 60;

/** Sends too many requests, each with another invalid key. Returns a 429 response; undefined if there is none. */
async function exceedFailureLimit(
  server: TestServer,
  id: OperationId,
  requestOf: (index: number) => ExampleRequest = () => ({}),
): Promise<ReceivedResponse | undefined> {
  const responses = await Promise.all(
    Array.from({ length: tooManyFailures }, (_, index) =>
      send({ ...server, key: newKey() }, id, requestOf(index)),
    ),
  );
  return responses.find(({ status }) => status === 429);
}

/** Sends requests one after another and returns the last response. */
async function lastOf(count: number, sendOne: () => Promise<ReceivedResponse>): Promise<ReceivedResponse> {
  let last = await sendOne();
  for (let sent = 1; sent < count; sent += 1) last = await sendOne();
  return last;
}

/** Sends a request while a report of the partner is being read. */
async function duringReport(
  { store, ...target }: TestServer,
  sendOne: () => Promise<ReceivedResponse>,
): Promise<ReceivedResponse> {
  const [started, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const read = store.reportedSubmissions;
  store.reportedSubmissions = async function* (filter) {
    started.resolve();
    await mayEnd.promise;
    yield* read(filter);
  };
  const report = send(target, 'leadReport');
  await started.promise;
  const response = await sendOne();
  mayEnd.resolve();
  expect((await report).status).toBe(200);
  return response;
}

/** Opens a request that stays in flight until it is completed: its head is read, and its body is held back. */
async function openRequest(
  server: TestServer,
  id: OperationId,
): Promise<{ complete(): Promise<ReceivedResponse | undefined> }> {
  const { head, body } = rawRequest(server, id, undefined, { Expect: '100-continue' });
  const socket = openRaw(server);
  onTestFinished(() => void socket.destroy());
  const continued = responsesOn(socket, 1);
  socket.write(head);
  const [{ status } = { status: 0 }] = await continued;
  expect(status).toBe(100);
  return {
    complete: async () => {
      const received = responsesOn(socket, 1);
      socket.write(body);
      return (await received)[0];
    },
  };
}

describe.each(operationsWith(429))('%s', (id) => {
  testEveryExample(id, 429, {
    ...(id === 'doNotCall' && {
      'too-many-objections': { options: { objectionsPerDay: 0 }, send: (server) => send(server, id) },
    }),
    ...(id === 'leadReport' && {
      'report-in-progress': { send: (server) => duringReport(server, () => send(server, id)) },
    }),
    ...(id === 'addLead' && {
      'too-many-leads': {
        arrange: async (server) => {
          await server.store.setDailyQuota(server.partner, 1);
          expect((await send(server, id)).status).toBe(200);
        },
        send: (server) => send(server, id),
      },
    }),
    'rate-limited': {
      options: { rateLimit: slowLimit(2) },
      send: async (server) => lastOf(4, () => send(server, id)),
    },
    'too-many-in-flight': {
      options: { inFlightPerKey: 1 },
      arrange: async (server) => void (await openRequest(server, id)),
      send: (server) => send(server, id),
    },
    'too-many-invalid-keys': {
      send: async (server) => {
        const refused = await exceedFailureLimit(server, id);
        if (refused === undefined) throw new Error('An address may send any number of invalid keys.');
        return refused;
      },
    },
    'too-many-from-address': {
      options: { requestsPerAddress: 2 },
      arrange: async (server) => void (await Promise.all([openRequest(server, id), openRequest(server, id)])),
      send: (server) => send(server, id),
    },
  });

  test('responds to the requests in flight, and accepts new ones afterwards', async () => {
    const server = await startServer({ inFlightPerKey: 2 });
    const inFlight = await Promise.all([openRequest(server, id), openRequest(server, id)]);
    expect((await send(server, id)).status).toBe(429);
    const responses = await Promise.all(inFlight.map((request) => request.complete()));
    expect(responses.map((response) => response?.status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });

  test('counts the requests in flight of each key separately', async () => {
    const server = await startServer({ inFlightPerKey: 1 });
    const key = await createKey(server, 'second');
    await openRequest(server, id);
    expect((await send(server, id)).status).toBe(429);
    expect((await send({ ...server, key }, id)).status).toBe(200);
  });

  test('reports what is left of the rate limit, and when to retry', async () => {
    stopClock();
    const server = await startServer({ rateLimit: slowLimit(2) });
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

  test('accepts a request again after the time in Retry-After', async () => {
    stopClock();
    const server = await startServer({ rateLimit: rateLimit(1, 1) });
    const responses = await Promise.all(Array.from({ length: 5 }, () => send(server, id)));
    expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 429, 429, 429, 429]);
    const wait = Number(responses.find(({ status }) => status === 429)?.headers['retry-after']);
    vi.advanceTimersByTime(wait * 1_000 - 1);
    expect((await send(server, id)).status).toBe(429);
    vi.advanceTimersByTime(1);
    expect((await send(server, id)).status).toBe(200);
  });

  test('prefers a partner’s own limit to the deployment’s, from the next request on', async () => {
    const server = await startServer({ rateLimit: slowLimit(1) });
    await server.store.limitPartner(server.partner, 'off');
    const responses = await Promise.all(Array.from({ length: 5 }, () => send(server, id)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(responses[0]?.headers).not.toHaveProperty('ratelimit-policy');
    await server.store.limitPartner(server.partner, rateLimit(2, 3));
    expect((await send(server, id)).headers).toMatchObject({ 'ratelimit-policy': '"default";q=3;w=2' });
    await server.store.limitPartner(server.partner, 'default');
    expect((await send(server, id)).headers).toMatchObject({ 'ratelimit-policy': '"default";q=1;w=10' });
    expect((await send(server, id)).status).toBe(429);
  });

  test('limits the rate of each key separately', async () => {
    const server = await startServer({ rateLimit: slowLimit(1) });
    const key = await createKey(server, 'second');
    expect((await lastOf(2, () => send(server, id))).status).toBe(429);
    expect((await send({ ...server, key }, id)).status).toBe(200);
  });

  test('accepts valid keys, even a new one, during a flood of invalid keys from the same address', async () => {
    const server = await startServer();
    expect((await exceedFailureLimit(server, id))?.status).toBe(429);
    const newer = await createKey(server, 'second');
    const flood = exceedFailureLimit(server, id);
    const responses = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        send(index % 2 === 0 ? server : { ...server, key: newer }, id),
      ),
    );
    const refused = responses.filter(({ status }) => status !== 200);
    // A partner gets one report at a time, which has nothing to do with the flood.
    const outcomes = new Set(refused.map(({ headers }) => headers['lead-outcome']));
    expect([...outcomes]).toEqual(id === 'leadReport' ? ['report-in-progress'] : []);
    await server.store.revokeKey('second');
    for (let sent = 0; sent < 3; sent += 1) {
      expect((await send({ ...server, key: newer }, id)).status).toBeOneOf([401, 429]);
    }
    await flood;
  });

  test('counts requests without any key as failures', async () => {
    stopClock();
    const server = await startServer();
    const responses = await Promise.all(
      Array.from({ length: tooManyFailures }, () => send(server, id, { query: { key: null } })),
    );
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(30);
    expect(responses.filter(({ status }) => status === 429)).toHaveLength(30);
  });

  test('counts failures by client address behind a trusted proxy', async () => {
    stopClock();
    const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    const server = await startServer({ trustedProxies: ['loopback'] });
    const invalid = { ...server, key: newKey() };
    const refused = await exceedFailureLimit(server, id, () => from('192.0.2.1'));
    expect(refused?.headers).toMatchObject({
      'ratelimit-policy': '"wrong-keys";q=30;w=30',
      ratelimit: '"wrong-keys";r=0;t=1',
      'retry-after': '1',
    });
    expect((await send(invalid, id, from('192.0.2.2'))).status).toBe(401);
    expect(await exceedFailureLimit(server, id, (index) => from(`2001:db8:0:1::${index}`))).toBeDefined();
    expect((await send(invalid, id, from('2001:db8:0:2::1'))).status).toBe(401);
    // The client can forge every entry before the proxy's.
    const forged = (index: number) => from(`198.51.100.${index}, 192.0.2.1`);
    expect(await exceedFailureLimit(server, id, forged)).toBeDefined();
  });

  test('ignores X-Forwarded-For from an address that is not a trusted proxy', async () => {
    stopClock();
    const server = await startServer();
    const forged = (index: number) => ({ headers: { 'X-Forwarded-For': `192.0.2.${index}` } });
    expect(await exceedFailureLimit(server, id, forged)).toBeDefined();
  });
});

// The other operations do not wait for the store's write lock.
describe.each(operationsWith(409))('%s', (id) => {
  test('responds to the requests that waited for the store', async () => {
    const server = await startServer({ inFlightPerKey: 2 });
    const { accepted } = await overfill(server, id, 2);
    expect(accepted.map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });
});
