/** Whatever fails in PostgreSQL, every response is true, and servers recover without a restart. */

import { Socket } from 'node:net';
import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openPostgresStore, type PostgresStoreLimits } from '../../../src/store/postgres/postgres-store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { send } from '../../harness/client.ts';
import { operationIds, requestValue, responseValue } from '../../harness/contract.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { startLossyProxy } from '../../harness/lossy-proxy.ts';
import { mobileOf } from '../../harness/mobile.ts';
import {
  asAdministrator,
  emptyDatabase,
  openTransaction,
  statementsWaitingForLocks,
  terminateConnections,
} from '../../harness/postgres.ts';
import { startPostgres } from '../../harness/postgres-server.ts';
import { cancel, leadsIn, serve, submissionsIn } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { expectTrueResults, startLoad } from './load.ts';

/** Creates a store in a PostgreSQL server that the test can stop. */
async function deployment(limits: Partial<PostgresStoreLimits> = {}, settings: readonly string[] = []) {
  const postgres = await startPostgres(settings);
  onTestFinished(() => postgres.remove());
  const url = await emptyDatabase(postgres.url);
  const store = await openPostgresStore(url, limits);
  onTestFinished(() => store.close());
  return { postgres, url, ...(await seeded(store)) };
}

/** Creates a store in the shared PostgreSQL server. The limits apply to the tested store, not to filling it. */
async function sharedDeployment(limits: Partial<PostgresStoreLimits> = {}) {
  const url = await storeDatabase();
  const { store: direct, ...made } = await seeded(closeAfterTest(await openPostgresStore(url)));
  return { url, direct, store: closeAfterTest(await openPostgresStore(url, limits)), ...made };
}

/** Creates a store in the shared PostgreSQL server, behind a proxy. */
async function proxiedDeployment(limits: Partial<PostgresStoreLimits> = {}) {
  const url = new URL(await storeDatabase());
  const directUrl = url.href;
  const { store: direct, ...made } = await seeded(closeAfterTest(await openPostgresStore(directUrl)));
  const proxy = await startLossyProxy(Number(url.port));
  url.port = String(proxy.port);
  const store = closeAfterTest(await openPostgresStore(url.href, { connections: 1, ...limits }));
  return { proxy, url: directUrl, direct, store, ...made };
}

test('restarting PostgreSQL under load fails no request', async () => {
  const { postgres, store, first, from } = await deployment({ retryTimeout: 60_000 });
  const connecting = vi.spyOn(Socket.prototype, 'connect');
  onTestFinished(() => connecting.mockRestore());
  const load = startLoad([store], (mobile) => from(first.id, { mobile }));
  for (let round = 0; round < 3; round += 1) {
    const before = load.saved();
    await expect.poll(load.saved, { timeout: 40_000 }).toBeGreaterThan(before + 200);
    await postgres.stop();
    connecting.mockClear();
    await expect.poll(() => connecting.mock.calls.length).toBeGreaterThan(3);
    await postgres.start();
  }
  const before = load.saved();
  await expect.poll(load.saved, { timeout: 40_000 }).toBeGreaterThan(before + 200);
  await load.stop();
  expect(load.results.filter((each) => 'error' in each)).toEqual([]);
  await expectTrueResults(store, load);
}, 90_000);

test('partners get the documented errors while PostgreSQL is down, and are served again afterwards', async () => {
  const { postgres, url } = await deployment({ retryTimeout: 300 });
  const database = new URL(url);
  await asAdministrator(postgres.url, `CREATE DATABASE empty_${database.pathname.slice(1)}`);
  database.pathname = `/empty_${database.pathname.slice(1)}`;
  const server = await serve(await openPostgresStore(database.href, { retryTimeout: 300 }), {
    checkReadyEvery: 100,
  });
  await postgres.stop();
  for (const id of operationIds()) {
    const { status, json } = await send(server, id);
    expect(status, id).toBe(500);
    expect(json, id).toEqual(responseValue(id, 500, 'server-error'));
  }
  const readiness = async () => (await fetch(`${server.url}/readyz`)).status;
  await expect.poll(readiness).toBe(503);
  await postgres.start();
  let people = 0;
  const addNext = async () => {
    people += 1;
    const body = {
      ...requestValue('addLead', 'accepted'),
      mobile: mobileOf(people),
    };
    return (await send(server, 'addLead', { body })).json;
  };
  await expect.poll(addNext).toEqual(responseValue('addLead', 200, 'accepted'));
  await expect.poll(readiness).toBe(200);
}, 60_000);

test('cutting connections during transactions neither loses nor duplicates leads', async () => {
  const { url, store, first, from } = await sharedDeployment({ retryTimeout: 60_000 });
  const load = startLoad([store], (mobile) => from(first.id, { mobile }));
  for (let round = 0; round < 30; round += 1) {
    const before = load.saved();
    await expect.poll(load.saved, { interval: 5 }).toBeGreaterThan(before);
    await terminateConnections(url);
  }
  await load.stop();
  expect(load.results.filter((each) => 'error' in each)).toEqual([]);
  await expectTrueResults(store, load);
}, 60_000);

test.each(['cut', 'swallowed'] as const)(
  'returns the result of a commit whose response was %s',
  async (loss) => {
    // On a busy machine other responses may be lost too, with the same result.
    const { proxy, store, first, from } = await proxiedDeployment({ responseTimeout: 500 });
    proxy.loseNextResponse(loss);
    const submission = from(first.id, { delays: 600 });
    const accepted = await store.submit(submission, { key: 'add', fingerprint: 'add' });
    expect(accepted).toMatchObject({ outcome: 'accepted', isReplay: false });
    proxy.loseNextResponse(loss);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    proxy.loseNextResponse(loss);
    expect(
      await cancel(
        store,
        { partnerId: first.id, type: 'motor', mobile: submission.mobile },
        { key: 'cancel', fingerprint: 'cancel' },
      ),
    ).toEqual({ outcome: 'cancelled', isReplay: false });
    proxy.loseNextResponse(loss);
    expect(await store.submit(from(first.id, { type: 'other' }))).toMatchObject({ outcome: 'unknown-type' });
    expect(proxy.lostResponses()).toBe(4);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled']);
    expect(await submissionsIn(store)).toHaveLength(3);
  },
);

test.each([undefined, { key: 'k', fingerprint: 'f' }])(
  'executes a request once if its statement still runs when the connection is lost (idempotency key: %o)',
  async (idempotency) => {
    const { proxy, url, store, first, from } = await proxiedDeployment({ retryTimeout: 60_000 });
    const other = await openTransaction(url);
    /** Makes PostgreSQL finish two attempts at once: the lost one and its retry. */
    const twice = async <Result>(call: () => Promise<Result>): Promise<Result> => {
      await other.query('LOCK TABLE lead IN EXCLUSIVE MODE');
      const result = call();
      await expect.poll(async () => (await statementsWaitingForLocks(url)).length).toBe(1);
      proxy.cut();
      await expect.poll(async () => (await statementsWaitingForLocks(url)).length).toBe(2);
      await other.query('COMMIT; BEGIN');
      return result;
    };
    const submission = from(first.id, { delays: 600 });
    expect(await twice(() => store.submit(submission, idempotency))).toMatchObject({
      outcome: 'accepted',
      isReplay: false,
    });
    expect(await submissionsIn(store)).toHaveLength(1);
    const wanted = { partnerId: first.id, type: 'motor', mobile: submission.mobile };
    const cancelKey = idempotency && { ...idempotency, key: 'cancel' };
    expect(await twice(() => cancel(store, { id: 'cancellation', ...wanted }, cancelKey))).toEqual({
      outcome: 'cancelled',
      isReplay: false,
    });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled']);
  },
);

test('rejects with StoreUnavailable if the outcome of a commit remains unknown', async () => {
  const { proxy, direct, store, first, from } = await proxiedDeployment({ retryTimeout: 200 });
  proxy.loseNextResponse('cut');
  proxy.acceptConnections(false);
  await expect(store.submit(from(first.id))).rejects.toThrow(StoreUnavailable);
  expect(await submissionsIn(direct)).toHaveLength(1);
});

test('retries a deadlock', async () => {
  const { url, store, first, from } = await sharedDeployment();
  const mobiles = ['+447840258823', '+447840258824'];
  for (const mobile of mobiles) await store.submit(from(first.id, { mobile, delays: 600 }));
  const [newer, older] = await leadsIn(store);
  const other = await openTransaction(url);
  // The store's statement detects the deadlock first.
  await other.query(`SET LOCAL deadlock_timeout = '20s'`);
  await other.query('UPDATE lead SET attempts = attempts WHERE id = $1', [newer?.id]);
  const cancelled = Promise.all(
    mobiles.map((mobile) => cancel(store, { partnerId: first.id, type: 'motor', mobile })),
  );
  await expect.poll(async () => (await statementsWaitingForLocks(url)).length).toBeGreaterThan(0);
  await other.query('UPDATE lead SET attempts = attempts WHERE id = $1', [older?.id]);
  await other.query('COMMIT');
  expect((await cancelled).map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled']);
  const [row] = await asAdministrator<{ deadlocks: string }>(
    url,
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(Number(row?.deadlocks)).toBe(1);
});

test('retries serialization failures', async () => {
  const url = await storeDatabase();
  await asAdministrator(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET lock_timeout = '20s'`);
  const stores = [await openPostgresStore(url), await openPostgresStore(url)];
  onTestFinished(async () => {
    for (const store of stores) await store.close();
  });
  const { store, first, from } = await seeded(stores[0] ?? Promise.reject(new Error('No store.')));
  await asAdministrator(
    url,
    `CREATE FUNCTION fail_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF random() < 0.2 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF; RETURN NEW;
     END $$;
     CREATE TRIGGER fail_some BEFORE INSERT ON submission FOR EACH STATEMENT EXECUTE FUNCTION fail_some()`,
  );
  const load = startLoad(stores, (mobile) => from(first.id, { mobile }));
  await expect.poll(load.saved).toBeGreaterThan(500);
  await load.stop();
  expect(load.results.filter((each) => 'error' in each)).toEqual([]);
  await expectTrueResults(store, load);
}, 60_000);

test('rejects calls beyond the capacity at once and completes the others', async () => {
  const { url, store, first, from } = await sharedDeployment({ connections: 1, capacity: 10 });
  const other = await openTransaction(url);
  await other.query('LOCK TABLE lead IN EXCLUSIVE MODE');
  const calls = Array.from({ length: 600 }, (_, index) =>
    store.submit(from(first.id, { mobile: mobileOf(index) })),
  );
  const settled = Promise.allSettled(calls);
  await expect(calls.at(-1)).rejects.toThrow(
    new StoreUnavailable('The store queue is full; 10 store calls are waiting.'),
  );
  await other.query('COMMIT');
  const states = Map.groupBy(await settled, ({ status }) => status);
  expect(states.get('fulfilled')).toHaveLength(10);
  expect(await submissionsIn(store)).toHaveLength(10);
});

test('rejects waiting calls in time while PostgreSQL is blocked, however many there are', async () => {
  const limits = { connections: 1, retryTimeout: 200, statementTimeout: 1_000 };
  const { url, direct, store, first, from } = await sharedDeployment(limits);
  const other = await openTransaction(url);
  await other.query('LOCK TABLE lead IN EXCLUSIVE MODE');
  const calls = Array.from({ length: 5_000 }, (_, index) =>
    store.submit(from(first.id, { mobile: mobileOf(index) })),
  );
  const settled = await Promise.allSettled(calls);
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(5_000);
  const reasons = new Set(settled.map((each) => String('reason' in each && each.reason)));
  expect([...reasons].join()).toContain('StoreUnavailable: A store call waited longer than 200 ms');
  await other.query('COMMIT');
  expect(await submissionsIn(direct)).toEqual([]);
});

test('errors contain no personal data', async () => {
  const { url, store, first, from } = await sharedDeployment();
  await asAdministrator(url, `ALTER TABLE lead ADD CHECK (mobile <> '+447840258823')`);
  const error: Error = await store
    .submit(from(first.id, { content: '{"a":"marked"}' }))
    .catch((thrown) => thrown);
  expect(error.message).toContain('violates check constraint');
  expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toMatch(
    /marked|7840258823/,
  );
});

test('cancels a statement that takes too long and saves nothing', async () => {
  const { url, direct, store, first, from } = await sharedDeployment({ statementTimeout: 1_000 });
  const other = await openTransaction(url);
  await other.query('LOCK TABLE lead IN EXCLUSIVE MODE');
  await expect(store.submit(from(first.id))).rejects.toThrow('statement timeout');
  await other.query('COMMIT');
  expect(await submissionsIn(direct)).toEqual([]);
  expect(await direct.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
});

test('rejects writes on a read-only server, as after a failover, and recovers once there is a primary', async () => {
  const { url, store, first, from } = await sharedDeployment({ retryTimeout: 300 });
  const name = new URL(url).pathname.slice(1);
  await store.submit(from(first.id));
  const change = async (readOnly: string) => {
    await asAdministrator(url, `ALTER DATABASE ${name} SET default_transaction_read_only = ${readOnly}`);
  };
  await change('on');
  // Existing connections would keep their setting; those to an old primary would be lost.
  await terminateConnections(url);
  // The latter if the pool has not yet noticed that a connection was terminated.
  const refusal = /read-only|its outcome is unknown/;
  await expect(store.submit(from(first.id, { mobile: '+447840258824' }))).rejects.toThrow(refusal);
  expect(
    await store.leadStatus({ partnerId: first.id, type: 'motor', mobile: '+447840258823' }),
  ).toMatchObject({
    state: 'scheduled',
  });
  // A server can start on a replica, for lead statuses.
  const replica = await openPostgresStore(url);
  await expect(replica.checkReady()).rejects.toThrow('PostgreSQL accepts no writes');
  await replica.close();
  const admin = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=off' });
  await admin.connect();
  await admin.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await admin.end();
  expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
    outcome: 'accepted',
  });
  expect(await submissionsIn(store)).toHaveLength(2);
});

test('a submission that PostgreSQL cannot store does not affect others', async () => {
  const { store, first, from } = await sharedDeployment();
  const [good, bad, other] = await Promise.allSettled([
    store.submit(from(first.id)),
    store.submit(from(first.id, { mobile: '+447840258824', content: '\u0000' })),
    store.submit(from(first.id, { mobile: '+447840258825' })),
  ]);
  expect([good?.status, bad?.status, other?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await leadsIn(store)).toHaveLength(2);
});
