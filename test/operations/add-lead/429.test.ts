/** A daily quota limits what a stolen key, or a partner’s mistake, can do to people. */
import { expect, test } from 'vitest';
import { digestOf } from '../../../src/partners/key.ts';
import { PartnerUsageCounter } from '../../../src/server/partner-usage.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { post, send } from '../../harness/client.ts';
import { defaultBody, responseValue } from '../../harness/contract.ts';
import { addPartner, createKey, serve, startServer, type TestServer } from '../../harness/server.ts';

/** Adds a lead of one of several people. */
function add(server: Pick<TestServer, 'url' | 'key'>, person: number, changes: object = {}) {
  const mobile = `0784025${8_000 + person}`;
  return post(server, 'addLead', { ...defaultBody('addLead'), mobile, ...changes });
}

test('refuses the leads of a partner beyond its daily quota, and none of another partner', async () => {
  const server = await startServer();
  const other = await addPartner(server, 'other');
  await server.store.setDailyQuota(server.partner, 2);
  const second = { ...server, key: await createKey(server, 'second') };
  const responses = [await add(server, 1), await add(second, 2), await add(server, 3), await add(second, 3)];
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 429, 429]);
  const refused = responses[2];
  expect(refused?.json).toEqual(responseValue('addLead', 429, 'too-many-leads'));
  const untilMidnight = Math.ceil((86_400_000 - (Date.now() % 86_400_000)) / 1_000);
  expect(Math.abs(Number(refused?.headers['retry-after']) - untilMidnight)).toBeLessThan(60);
  expect(await Array.fromAsync(server.store.leads({}, 9))).toHaveLength(2);
  expect(await Array.fromAsync(server.store.submissions({}, 9))).toHaveLength(2);
  expect((await add(other, 3)).status).toBe(200);
  await server.store.setDailyQuota(server.partner, 3);
  expect((await add(server, 3)).status).toBe(200);
  await server.store.setDailyQuota(server.partner, null);
  expect((await add(server, 4)).status).toBe(200);
});

test('counts neither tests nor submissions without a lead, and limits neither tests nor cancellations', async () => {
  const server = await startServer();
  await server.store.setDailyQuota(server.partner, 2);
  const sent = [
    add(server, 1),
    add(server, 1, { test: true }),
    add(server, 2, { type: 'unknown' }),
    add(server, 3, { mobile: '1' }),
  ];
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 400]);
  expect((await add(server, 1)).json).toMatchObject({ error: 'Another call is already scheduled' });
  expect((await add(server, 2)).json).toEqual({ saved: true, processed: true });
  expect((await add(server, 3)).status).toBe(429);
  expect((await add(server, 3, { test: true })).status).toBe(200);
  expect((await add(server, 3, { mobile: '1' })).status).toBe(400);
  const { type } = server;
  const cancelled = await post(server, 'cancelLead', { mobile: '07840258001', type });
  expect(cancelled.headers['lead-outcome']).toBe('cancelled');
  // A cancelled lead was accepted.
  expect((await add(server, 3)).status).toBe(429);
});

test('counts a lead once if its request is repeated with its idempotency key', async () => {
  const server = await startServer();
  await server.store.setDailyQuota(server.partner, 2);
  const repeated = {
    headers: { 'Idempotency-Key': 'one' },
    body: { ...defaultBody('addLead'), mobile: '07840258001' },
  };
  const [first, replayed] = [
    await send(server, 'addLead', repeated),
    await send(server, 'addLead', repeated),
  ];
  expect([first.status, replayed.headers['idempotent-replayed']]).toEqual([200, 'true']);
  expect((await add(server, 2)).status).toBe(200);
  expect((await add(server, 3)).status).toBe(429);
});

test('never exceeds the quota on one server, however many requests arrive at once', async () => {
  const server = await startServer();
  await server.store.setDailyQuota(server.partner, 5);
  const responses = await Promise.all(Array.from({ length: 40 }, (_, person) => add(server, person)));
  const refused = responses.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(35);
  expect(await Array.fromAsync(server.store.leads({}, 99))).toHaveLength(5);
});

test('counts what was accepted before a restart', async () => {
  const server = await startServer();
  await server.store.setDailyQuota(server.partner, 2);
  const stopped = await PartnerUsageCounter.start(server.store, await createLog('silent'));
  const holder = await server.store.keyHolder(digestOf(server.key));
  const partnerId = holder?.partner.id ?? 0;
  for (let accepted = 0; accepted < 2; accepted += 1) stopped.count(partnerId);
  await stopped.stop();
  const again = await serve(openSqliteStore(server.file), {}, server);
  expect((await add(again, 3)).status).toBe(429);
  expect(await Array.fromAsync(again.store.partners())).toMatchObject([{ acceptedToday: 2 }]);
});
