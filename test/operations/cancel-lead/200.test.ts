/** `"cancelled": true` promises that the person will not be called; no other response does. */
import { expect, test } from 'vitest';
import { openRaw, post, rawRequest, send } from '../../harness/client.ts';
import { requestValue, responseExamples, responseValue } from '../../harness/contract.ts';
import { testEveryExample } from '../../harness/examples.ts';
import {
  addPartner,
  claim,
  deliverDue,
  leadsIn,
  record,
  startServer,
  type TestServer,
} from '../../harness/server.ts';

const lead = requestValue('addLead', 'accepted');
const wanted = requestValue('cancelLead', 'cancelled');

const sentBefore = responseExamples('cancelLead', 200)['replayed']?.['x-request'];

const cancelled = responseValue('cancelLead', 200, 'cancelled');
const notFound = responseValue('cancelLead', 200, 'not-found');
const alreadyProcessed = responseValue('cancelLead', 200, 'already-processed');

async function addAccepted(server: TestServer): Promise<void> {
  await post(server, 'addLead', lead);
}

testEveryExample('cancelLead', 200, {
  cancelled: { arrange: addAccepted },
  'already-processed': {
    arrange: async (server) => {
      await addAccepted(server);
      await deliverDue(server.store);
    },
  },
  replayed: {
    arrange: async (server) => {
      await addAccepted(server);
      await send(server, 'cancelLead', sentBefore);
    },
  },
});

test('replays the cancellation even after the person was added again', async () => {
  const server = await startServer();
  await addAccepted(server);
  const first = await send(server, 'cancelLead', sentBefore);
  await addAccepted(server);
  const again = await send(server, 'cancelLead', sentBefore);
  expect(again.text).toBe(first.text);
  expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  expect((await leadsIn(server.store)).map(({ state }) => state)).toEqual(['scheduled', 'cancelled']);
});

test.each([
  ['without a key', {}, notFound],
  ['with a key', { 'Idempotency-Key': 'lost' }, cancelled],
])(
  'cancels a lead even if the response is lost, and responds consistently to a repeated request: %s',
  async (_, headers, again) => {
    const server = await startServer();
    await addAccepted(server);
    const { head, body } = rawRequest(server, 'cancelLead', wanted, headers);
    // The client never reads, and closes the connection once the request is processed.
    const client = openRaw(server).pause();
    client.write(head + body);
    await expect.poll(async () => (await leadsIn(server.store))[0]?.state).toBe('cancelled');
    client.destroy();
    expect((await send(server, 'cancelLead', { headers, body: wanted })).json).toEqual(again);
    expect((await leadsIn(server.store)).map(({ state }) => state)).toEqual(['cancelled']);
    // Either way, nobody is called, and the person can be added again.
    expect(await claim(server.store, 'test')).toEqual([]);
    expect((await post(server, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'accepted'));
  },
);

test('never delivers a cancelled lead', async () => {
  const server = await startServer();
  await addAccepted(server);
  await post(server, 'cancelLead', wanted);
  expect(await claim(server.store, 'test')).toEqual([]);
  expect((await leadsIn(server.store))[0]).toMatchObject({ state: 'cancelled', dialledAt: null });
});

test('cancels a lead once, and lets the person be added again', async () => {
  const server = await startServer();
  await addAccepted(server);
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(notFound);
  expect((await post(server, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'accepted'));
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
});

/** Asserts that a cancellation is refused and changes no lead. */
async function expectNotCancelled(server: TestServer): Promise<void> {
  const before = await leadsIn(server.store);
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(alreadyProcessed);
  expect(await leadsIn(server.store)).toEqual(before);
}

test('does not cancel a lead whose delivery is in progress', async () => {
  const server = await startServer();
  await addAccepted(server);
  await claim(server.store, 'test');
  await expectNotCancelled(server);
});

test('cancels a lead between two attempts if the dialler cannot have it', async () => {
  const server = await startServer();
  await addAccepted(server);
  const [lead] = await claim(server.store, 'test');
  await record(server.store, 'test', lead?.id ?? '', 'unavailable', Date.now());
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
  expect(await claim(server.store, 'test')).toEqual([]);
});

test('does not cancel a lead after an attempt with an unknown outcome', async () => {
  const server = await startServer();
  await addAccepted(server);
  const [lead] = await claim(server.store, 'test');
  await record(server.store, 'test', lead?.id ?? '', 'unknown', Date.now());
  await expectNotCancelled(server);
});

test('does not cancel a lead that the dialler may have, even after a later failed attempt', async () => {
  const server = await startServer();
  await addAccepted(server);
  for (const outcome of ['unknown', 'unavailable'] as const) {
    const [lead] = await claim(server.store, 'test');
    await record(server.store, 'test', lead?.id ?? '', outcome, Date.now());
  }
  await expectNotCancelled(server);
});

test('neither cancels nor accepts again a failed lead that the dialler may have', async () => {
  const server = await startServer();
  await addAccepted(server);
  await deliverDue(server.store, 'unknown');
  await expectNotCancelled(server);
  expect((await post(server, 'addLead', lead)).json).toEqual(
    responseValue('addLead', 200, 'already-scheduled'),
  );
  const [failed] = await leadsIn(server.store);
  await server.store.resolveLead(failed?.id ?? '', false);
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
  expect((await post(server, 'addLead', lead)).json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test('stores every cancellation as it was sent, and a repeated one once', async () => {
  const server = await startServer();
  const before = Date.now();
  const headers = { 'Idempotency-Key': 'the-same' };
  const texts = [
    `{ "type":"${wanted['type']}",\n"mobile" : "07840 258823" }`,
    `{"mobile":"07840258823","type":"nobody-has-this"}`,
  ];
  for (const text of texts) await send(server, 'cancelLead', { text });
  for (let count = 0; count < 2; count += 1) await send(server, 'cancelLead', { headers, body: wanted });
  const stored = await Array.fromAsync(server.store.cancellations('+447840258823'));
  expect(stored.map(({ content, type, outcome }) => [content, type, outcome])).toEqual([
    [JSON.stringify(wanted), wanted['type'], 'not-found'],
    [texts[1], 'nobody-has-this', 'unknown-type'],
    [texts[0], wanted['type'], 'not-found'],
  ]);
  for (const { partner, receivedAt } of stored) {
    expect(partner).toBe(server.partner);
    expect(receivedAt).toBeGreaterThanOrEqual(before);
    expect(receivedAt).toBeLessThanOrEqual(Date.now());
  }
});

test('cancels a failed lead, which operators then cannot retry', async () => {
  const server = await startServer();
  await addAccepted(server);
  await deliverDue(server.store, 'rejected');
  const [failed] = await leadsIn(server.store);
  expect((await post(server, 'cancelLead', wanted)).json).toEqual(cancelled);
  await expect(server.store.retryLead(failed?.id ?? '')).rejects.toThrow('is cancelled');
});

/** Brings a due lead into each state in which a cancellation by its own partner has another response. */
const situations: [string, (store: TestServer['store']) => Promise<unknown>][] = [
  ['is scheduled', async () => {}],
  ['is being delivered', (store) => claim(store, 'test')],
  ['is dialled', (store) => deliverDue(store)],
  ['has failed', (store) => deliverDue(store, 'rejected')],
  ['has failed without being sent', (store) => deliverDue(store, 'unavailable')],
  ['has failed and is undecided', (store) => deliverDue(store, 'unknown')],
];

test.each(situations)('hides a lead that %s from other partners', async (_situation, arrange) => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  await addAccepted(server);
  await arrange(server.store);
  const before = await leadsIn(server.store);
  expect((await post(other, 'cancelLead', wanted)).json).toEqual(notFound);
  expect(await leadsIn(server.store)).toEqual(before);
});

test('accepts another spelling of the phone number', async () => {
  const server = await startServer();
  await addAccepted(server);
  expect((await post(server, 'cancelLead', { ...wanted, mobile: '+44 (0)7840 258823' })).json).toEqual(
    cancelled,
  );
});
