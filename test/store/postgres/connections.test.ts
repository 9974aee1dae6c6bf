/** Whatever PostgreSQL does, no connection leaks, and neither a store nor a process waits for it indefinitely. */
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PostgresDatabase } from '../../../src/store/postgres/connection/database.ts';
import { reasonOf } from '../../../src/store/postgres/connection/errors.ts';
import { migrationLock } from '../../../src/store/postgres/connection/migrate.ts';
import { openPostgresStore, type PostgresStoreLimits } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { startLossyProxy } from '../../harness/lossy-proxy.ts';
import {
  asAdministrator,
  emptyDatabase,
  listeners,
  openConnection,
  terminateConnections,
} from '../../harness/postgres.ts';
import { startPostgres } from '../../harness/postgres-server.ts';
import { finished, start } from '../../harness/process.ts';
import { untilListening } from '../../harness/server-process.ts';
import { closeAfterTest, seeded } from '../stores.ts';

/** More connections than a store with one connection and a listener ever needs. */
const rounds = 5;

const limits: Partial<PostgresStoreLimits> = { connections: 1, reconnectDelay: 20 };

const terms = { claim: 'test', limit: 1, lease: 1_000 };

/** Creates an empty database behind a proxy. */
async function proxiedDatabase() {
  const url = new URL(await storeDatabase());
  const proxy = await startLossyProxy(Number(url.port));
  const direct = url.href;
  url.port = String(proxy.port);
  return { direct, url: url.href, proxy };
}

/** Returns the stores' connections to this server, including some that have just ended. */
function connectionsTo(url: string) {
  return asAdministrator(
    url,
    `SELECT FROM pg_stat_activity
     WHERE application_name LIKE 'leads/%' AND datname = current_database()`,
  );
}

function isListening(url: string) {
  return async () => (await listeners(url)).length > 0;
}

test.each([
  [
    '127.0.0.1:1',
    'connect ECONNREFUSED 127.0.0.1:1',
    'Check that PostgreSQL is running, and that it listens on this address and port.',
  ],
  [
    'database.invalid',
    'getaddrinfo ENOTFOUND database.invalid',
    'Check the host in the URL or the service of the store, and the DNS of this machine.',
  ],
])('reports why it cannot connect to %s, and what to check', async (host, reason, remedy) => {
  const url = `postgres://leads:secret@${host}/leads`;
  await expect(openPostgresStore(url, { retryTimeout: 0 })).rejects.toThrow(
    `The connection to PostgreSQL failed (${reason}). ${remedy}`,
  );
});

test('a session ends slow statements, uses indexes and compiles nothing, whatever the server has configured', async () => {
  const url = await emptyDatabase();
  const name = new URL(url).pathname.slice(1);
  await asAdministrator(
    url,
    `ALTER DATABASE ${name} SET jit = on; ALTER DATABASE ${name} SET enable_seqscan = on`,
  );
  const timeouts = { statementTimeout: 4_000, responseTimeout: 5_000, retryTimeout: 0 };
  const database = new PostgresDatabase(url, { connections: 1, ...timeouts });
  const text = `SELECT name, setting FROM pg_settings
    WHERE name IN ('enable_seqscan', 'jit', 'statement_timeout') ORDER BY name`;
  const settings = await database.read<{ name: string; setting: string }>({ name: 'session', text });
  await database.close();
  expect(settings.map(({ name: setting, setting: value }) => `${setting}=${value}`)).toEqual([
    'enable_seqscan=off',
    'jit=off',
    'statement_timeout=4000',
  ]);
});

test.each([
  ['of a driver', new Error('Connection terminated.'), 'Connection terminated'],
  [
    'of a host with several addresses',
    new AggregateError([
      new Error('connect ECONNREFUSED ::1:1'),
      new Error('connect ECONNREFUSED 127.0.0.1:1'),
    ]),
    'connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1',
  ],
  ['with a code but no message', Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
  ['without a message or a code', new RangeError(''), 'RangeError'],
  ['that is not an error', 'nothing', 'nothing'],
])('describes an error %s in one clause', (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});

test('a dispatcher on a hot standby leaks no connections and is notified after the promotion', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const proxy = await startLossyProxy(postgres.port);
  const url = postgres.url.replace(String(postgres.port), String(proxy.port));
  const store = closeAfterTest(await openPostgresStore(url, limits));
  const { first, from } = await seeded(store);
  onTestFinished(store.onChange(() => {}));
  await expect.poll(isListening(postgres.url)).toBe(true);
  await postgres.stop();
  await postgres.startAsStandby();
  const before = proxy.connectionCount();
  await expect.poll(() => proxy.connectionCount()).toBeGreaterThan(before + rounds);
  await expect.poll(async () => (await connectionsTo(postgres.url)).length).toBeLessThanOrEqual(2);
  await expect.poll(() => proxy.openConnections()).toBeLessThanOrEqual(2);
  await asAdministrator(postgres.url, 'SELECT pg_promote()');
  await expect.poll(isListening(postgres.url)).toBe(true);
  expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
}, 60_000);

test('leaks no connections if they are refused or cut while a store listens', async () => {
  const { direct, url, proxy } = await proxiedDatabase();
  const store = closeAfterTest(await openPostgresStore(url, limits));
  onTestFinished(store.onChange(() => {}));
  for (const fault of ['refused', 'cut', 'terminated']) {
    await expect.poll(isListening(direct), { message: fault }).toBe(true);
    if (fault === 'refused') proxy.acceptConnections(false);
    if (fault === 'cut') proxy.loseNextResponse('cut');
    await terminateConnections(direct);
    if (fault !== 'refused') continue;
    const before = proxy.connectionCount();
    await expect.poll(() => proxy.connectionCount()).toBeGreaterThan(before + rounds);
    proxy.acceptConnections(true);
  }
  await expect.poll(() => proxy.openConnections()).toBeLessThanOrEqual(2);
  await store.close();
  // The proxy notices the end of a connection a moment after the store has ended it.
  await expect.poll(() => proxy.openConnections()).toBe(0);
});

test('closes a listening store whose server no longer responds', async () => {
  const { direct, url, proxy } = await proxiedDatabase();
  const store = await openPostgresStore(url, { ...limits, retryTimeout: 300 });
  const { first, from } = await seeded(store);
  store.onChange(() => {});
  await expect.poll(isListening(direct)).toBe(true);
  proxy.dropPackets();
  const calls = Promise.allSettled([
    store.submit(from(first.id)),
    store.nextAttemptAt(),
    store.claimDue(terms),
  ]);
  await store.close();
  expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect.poll(() => proxy.openConnections()).toBe(0);
});

test('closes a store while its listening connection is being made', async () => {
  const { url, proxy } = await proxiedDatabase();
  const store = await openPostgresStore(url, limits);
  proxy.dropPackets();
  // Only the second for graceful closing passes: the attempt to connect would end by itself after three.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const restoreTimers = () => {
    if (!vi.isFakeTimers()) return;
    // Before the real timers are back: the spy restores the fake `setTimeout`, which would otherwise outlast this test.
    timers.mockRestore();
    vi.useRealTimers();
  };
  onTestFinished(restoreTimers);
  const before = proxy.connectionCount();
  store.onChange(() => {});
  await expect.poll(() => proxy.connectionCount()).toBe(before + 1);
  const closed = store.close();
  await expect.poll(() => timers.mock.calls.map(([, milliseconds]) => milliseconds)).toContain(1_000);
  vi.advanceTimersByTime(1_000);
  await closed;
  // Drops the fake timers, which polling would advance.
  restoreTimers();
  await expect.poll(() => proxy.openConnections()).toBe(0);
});

/** Starts a server that delivers leads. Returns its process once it accepts connections. */
async function startMain(url: string) {
  const child = start('src/main.ts', [], {
    PORT: '0',
    DATABASE_URL: url,
    DIALLER: 'log',
    BOOTSTRAP: 'off',
  });
  await untilListening(child, false);
  return child;
}

test('SIGTERM ends a server within ten seconds if its database no longer responds', async () => {
  const { direct, url, proxy } = await proxiedDatabase();
  await (await openPostgresStore(direct)).close();
  const child = await startMain(url);
  await expect.poll(isListening(direct)).toBe(true);
  proxy.dropPackets();
  const before = performance.now();
  child.kill('SIGTERM');
  const { code } = await finished(child);
  expect(code).toBe(0);
  expect(performance.now() - before).toBeLessThan(10_500);
});

test('SIGTERM ends a server that delivers from a hot standby', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  await (await openPostgresStore(postgres.url)).close();
  await postgres.stop();
  await postgres.startAsStandby();
  const child = await startMain(postgres.url);
  child.kill('SIGTERM');
  const { code, stdout } = await finished(child);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"msg":"The server has stopped."'),
  });
  await expect.poll(() => connectionsTo(postgres.url)).toEqual([]);
}, 60_000);

test('SIGTERM ends a server that waits for another one to migrate the store', async () => {
  const url = await emptyDatabase();
  const other = await openConnection(url);
  await other.query('SELECT pg_advisory_lock($1)', [migrationLock]);
  const child = start('src/main.ts', [], { PORT: '0', DATABASE_URL: url, BOOTSTRAP: 'on' });
  const waiting = async () =>
    (
      await asAdministrator(
        url,
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      )
    ).length;
  await expect.poll(waiting).toBe(1);
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
});
