/** Several servers can share a store. */
import { expect, onTestFinished, test } from 'vitest';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { latestMigration, migrationLock } from '../../../src/store/postgres/connection/migrate.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { post, type Target } from '../../harness/client.ts';
import { requestValue, responseValue } from '../../harness/contract.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { dispatch, secret, untilAll } from '../../harness/dispatch.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { asAdministrator, emptyDatabase, listeners, openConnection } from '../../harness/postgres.ts';
import { run, start } from '../../harness/process.ts';
import { startReceiver } from '../../harness/receiver.ts';
import { leadsIn, submissionsIn } from '../../harness/server.ts';
import { untilListening } from '../../harness/server-process.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const people = 400;

async function startMain(environment: Record<string, string>): Promise<string> {
  const child = start('src/main.ts', [], { PORT: '0', BOOTSTRAP: 'off', LOG_LEVEL: 'info', ...environment });
  return (await untilListening(child, false)).target.url;
}

test('servers that start together on an empty database migrate it once', async () => {
  const url = await emptyDatabase();
  const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(url)));
  for (const store of stores) await store.checkReady();
  await Promise.all(stores.map((store) => store.close()));
  expect(await asAdministrator(url, 'SELECT number FROM schema_migration')).toEqual(
    Array.from({ length: latestMigration }, (_, index) => ({ number: index + 1 })),
  );
});

test('a server creates no store in an empty database, which may be the wrong one, unless BOOTSTRAP=on', async () => {
  const environment = { DATABASE_URL: await emptyDatabase(), PORT: '0', BOOTSTRAP: 'off' };
  expect(await run('src/main.ts', [], environment)).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^The server did not start: The database "\w+" contains no store\. .*`npm run -s leads -- store create`/,
    ),
  });
  const tables = 'SELECT FROM pg_tables WHERE schemaname = current_schema()';
  expect(await asAdministrator(environment.DATABASE_URL, tables)).toEqual([]);
  await untilListening(start('src/main.ts', [], { ...environment, BOOTSTRAP: 'on' }));
});

test('if two operators rename lead types to one name at once, the second gets an error that it exists', async () => {
  const url = await storeDatabase();
  const store = closeAfterTest(await openPostgresStore(url));
  for (const name of ['home', 'motor']) await store.addType(name, null);
  const other = await openConnection(url);
  await other.query(`BEGIN; UPDATE lead_type SET name = 'house' WHERE name = 'home'`);
  const renamed = store.renameType('motor', 'house');
  const outcome = expect(renamed).rejects.toThrow('Lead type "house" already exists. Choose another name.');
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await expect.poll(async () => (await asAdministrator(url, waiting)).length).toBe(1);
  await other.query('COMMIT');
  await outcome;
});

test('a migration may take longer than any other statement', async () => {
  const url = await emptyDatabase();
  const other = await openConnection(url);
  await other.query('SELECT pg_advisory_lock($1)', [migrationLock]);
  const opening = openPostgresStore(url, { responseTimeout: 200, retryTimeout: 60_000 });
  const waiting = () =>
    asAdministrator(
      url,
      `SELECT FROM pg_stat_activity WHERE query LIKE '%advisory_xact%' AND wait_event IS NOT NULL AND datname = current_database() AND now() - query_start > interval '400ms'`,
    );
  await expect.poll(async () => (await waiting()).length).toBe(1);
  await other.query('SELECT pg_advisory_unlock($1)', [migrationLock]);
  await (await opening).close();
});

test('executes a request that two servers receive together with one idempotency key once', async () => {
  const url = await storeDatabase();
  const { store, first, from } = await seeded(openPostgresStore(url));
  const servers = [closeAfterTest(store), closeAfterTest(await openPostgresStore(url))];
  const key = { key: 'k', fingerprint: 'f' };
  for (const type of ['motor', 'unknown']) {
    for (let round = 0; round < 25; round += 1) {
      const mobile = `+44784025${type === 'motor' ? 1 : 2}${String(round).padStart(3, '0')}`;
      const name = { ...key, key: mobile };
      const results = await Promise.all(
        servers.map((each) => each.submit(from(first.id, { mobile, type }), name)),
      );
      expect(new Set(results.map(({ outcome }) => outcome)).size).toBe(1);
      expect(results.filter((each) => 'isReplay' in each && each.isReplay)).toHaveLength(1);
    }
  }
  expect(await submissionsIn(store)).toHaveLength(50);
});

test('refuses a database that a newer version has migrated, with the remedy', async () => {
  const url = await emptyDatabase();
  await (await openPostgresStore(url)).close();
  await asAdministrator(url, 'INSERT INTO schema_migration (number) VALUES (99)');
  await expect(openPostgresStore(url)).rejects.toThrow(
    'Start that version, or restore a backup made before the migration.',
  );
});

test('three servers and two dispatchers accept each person once and deliver each lead once', async () => {
  const url = await storeDatabase();
  const store = closeAfterTest(await openPostgresStore(url));
  await seeded(store);
  const key = newKey();
  await store.addKey('first', 'key', digestOf(key));
  const receiver = await startReceiver();
  const webhook = { DIALLER: 'webhook', DIALLER_URL: receiver.url, DIALLER_SECRET: secret };
  const urls = await Promise.all([
    startMain({ DATABASE_URL: url, ...webhook }),
    startMain({ DATABASE_URL: url, ...webhook }),
    startMain({ DATABASE_URL: url, DISPATCH: 'off' }),
  ]);
  const targets: Target[] = urls.map((each) => ({ url: each, key }));
  const body = requestValue('addLead', 'accepted');
  const accepted = JSON.stringify(responseValue('addLead', 200, 'accepted'));
  const acceptedCounts = await Promise.all(
    Array.from({ length: people }, async (_, index) => {
      const lead = { ...body, type: 'motor', mobile: mobileOf(index) };
      const sent = targets.map((target) => post(target, 'addLead', lead));
      return (await Promise.all(sent)).filter(({ json }) => JSON.stringify(json) === accepted).length;
    }),
  );
  expect(new Set(acceptedCounts)).toEqual(new Set([1]));
  const leads = await untilAll(store, 'dialled');
  expect(leads).toHaveLength(people);
  expect(await submissionsIn(store)).toHaveLength(3 * people);
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'] ?? '');
  expect(ids.toSorted()).toEqual(leads.map(({ id }) => id).toSorted());
}, 60_000);

test('a lead that another server accepts wakes a dispatcher', async () => {
  const url = await storeDatabase();
  const [store, other] = [
    closeAfterTest(await openPostgresStore(url)),
    closeAfterTest(await openPostgresStore(url)),
  ];
  const { first } = await seeded(store);
  let wakings = 0;
  onTestFinished(
    store.onChange(() => {
      wakings += 1;
    }),
  );
  await expect.poll(() => listeners(url)).toHaveLength(1);
  const lead = { type: 'motor', mobile: '+447840258823', delays: 0, content: '{}' };
  await other.submit(newSubmission({ partnerId: first.id, receivedAt: Date.now(), ...lead }));
  await expect.poll(() => wakings).toBe(1);
});

test('a dispatcher whose listening connection was cut listens again', async () => {
  const url = await storeDatabase();
  const [store, other] = [
    closeAfterTest(await openPostgresStore(url)),
    closeAfterTest(await openPostgresStore(url)),
  ];
  const { first, from } = await seeded(store);
  const delivered = { outcome: 'delivered', response: 'delivered' } as const;
  dispatch(store, { name: 'test', deliver: async () => delivered });
  await expect.poll(() => listeners(url)).toHaveLength(1);
  const [old] = await listeners(url);
  await asAdministrator(url, 'SELECT pg_terminate_backend($1)', [old]);
  await expect.poll(async () => (await listeners(url))[0] ?? old).not.toBe(old);
  await other.submit(from(first.id));
  await untilAll(store, 'dialled');
  expect(await leadsIn(other)).toHaveLength(1);
});

test('replaces a key once, even if two servers rotate it at once', async () => {
  const url = await storeDatabase();
  const { store } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const servers = [store, closeAfterTest(await openPostgresStore(url))];
  await store.addKey('first', 'old', 'old digest');
  const other = await openConnection(url);
  await other.query("BEGIN; SELECT FROM api_key WHERE id = 'old' FOR UPDATE");
  const rotations = Promise.allSettled(
    servers.map((server, index) =>
      server.rotateKey('old', { id: `new ${index}`, digest: `new ${index}`, oldUntil: Date.now() + 60_000 }),
    ),
  );
  const waiting = () =>
    asAdministrator(
      url,
      "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
    );
  await expect.poll(async () => (await waiting()).length).toBe(2);
  await other.query('COMMIT');
  const outcomes = await rotations;
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(await Array.fromAsync(store.keys('first'))).toHaveLength(2);
});
