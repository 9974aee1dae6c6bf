/** A store is ready if, and only if, PostgreSQL commits a write in time. */
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Readiness } from '../../../src/server/readiness.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { provenSkew } from '../../../src/store/postgres/write-check.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { startLossyProxy } from '../../harness/lossy-proxy.ts';
import { asAdministrator, emptyDatabase, openTransaction } from '../../harness/postgres.ts';
import { startPostgres } from '../../harness/postgres-server.ts';
import { recordingLog } from '../../harness/recording-log.ts';
import { closeAfterTest, seeded } from '../stores.ts';

test('each check commits one row, and the table stays small', async () => {
  const url = await emptyDatabase();
  const store = closeAfterTest(await openPostgresStore(url));
  const count = async () =>
    (
      await asAdministrator(
        url,
        'SELECT count(*)::integer AS rows, pg_relation_size($1) AS size FROM readiness',
        ['readiness'],
      )
    )[0];
  for (let checks = 0; checks < 3; checks += 1) await store.checkReady();
  expect(await count()).toEqual({ rows: 3, size: String(3 * 8_192) });
  await asAdministrator(url, 'INSERT INTO readiness SELECT FROM generate_series(1, 200)');
  await store.checkReady();
  expect(await count()).toEqual({ rows: 1, size: '8192' });
});

test('checks and a backup of their table do not block each other', async () => {
  const url = await storeDatabase();
  const store = closeAfterTest(
    await openPostgresStore(url, { statementTimeout: 20_000, responseTimeout: 20_000 }),
  );
  await asAdministrator(url, 'INSERT INTO readiness SELECT FROM generate_series(1, 200)');
  const backup = await openTransaction(url);
  await backup.query('LOCK TABLE readiness IN ACCESS SHARE MODE');
  await store.checkReady();
  await store.checkReady();
  const { rows } = await backup.query('SELECT count(*)::integer AS rows FROM readiness');
  expect(rows).toEqual([{ rows: 202 }]);
});

test('a server that may not add rows to a table is not ready, and its errors state the remedy', async () => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const role = `limited_${new URL(url).pathname.slice(1)}`;
  await asAdministrator(
    url,
    `CREATE ROLE ${role} LOGIN PASSWORD 'x';
     GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role};
     REVOKE ALL ON lead FROM ${role}`,
  );
  onTestFinished(async () => {
    await asAdministrator(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  await store.checkReady();
  const own = new URL(url);
  own.username = role;
  own.password = 'x';
  const limited = closeAfterTest(await openPostgresStore(own.href));
  await expect(limited.checkReady()).rejects.toThrow(
    /^PostgreSQL does not permit this user to add rows to lead\. Make the user in DATABASE_URL the owner/,
  );
  await expect(limited.submit(from(first.id))).rejects.toThrow(
    /^permission denied for table lead\. Make the user in DATABASE_URL the owner/,
  );
});

test('a read-only server is not ready', async () => {
  const url = await emptyDatabase();
  const name = new URL(url).pathname.slice(1);
  await (await openPostgresStore(url)).close();
  await asAdministrator(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  const store = closeAfterTest(await openPostgresStore(url));
  await expect(store.checkReady()).rejects.toThrow('PostgreSQL accepts no writes');
});

test('a hot standby is not ready until its promotion', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const store = closeAfterTest(await openPostgresStore(postgres.url));
  await store.checkReady();
  await postgres.stop();
  await postgres.startAsStandby();
  await expect(store.checkReady()).rejects.toThrow('PostgreSQL accepts no writes');
  // A server that only serves lead statuses can start on it.
  const replica = closeAfterTest(await openPostgresStore(postgres.url));
  expect(await replica.leadStatus({ partnerId: 1, type: 'motor', mobile: '+447840258823' })).toBeUndefined();
  await asAdministrator(postgres.url, 'SELECT pg_promote()');
  await expect.poll(() => store.checkReady()).toBeUndefined();
}, 60_000);

test('a server that does not respond is not ready, which every check reports after five seconds', async () => {
  const url = new URL(await storeDatabase());
  const proxy = await startLossyProxy(Number(url.port));
  url.port = String(proxy.port);
  const store = await openPostgresStore(url.href, {
    connections: 1,
    retryTimeout: 20_000,
    responseTimeout: 20_000,
  });
  await store.checkReady();
  proxy.dropPackets();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const checks = Promise.allSettled([store.checkReady(), store.checkReady()]);
  await vi.advanceTimersByTimeAsync(5_000);
  for (const check of await checks) {
    expect(check).toMatchObject({ reason: { message: 'PostgreSQL did not commit a row within 5 s.' } });
  }
  vi.useRealTimers();
  proxy.cut();
  await store.close();
});

test('the reason of a server that cannot connect is the last failed connection, in the log too', async () => {
  const url = new URL(await storeDatabase());
  const proxy = await startLossyProxy(Number(url.port));
  url.port = String(proxy.port);
  const store = closeAfterTest(await openPostgresStore(url.href, { retryTimeout: 20_000 }));
  const { log, lines } = recordingLog();
  const readiness = new Readiness(store, log);
  onTestFinished(() => readiness.stop());
  proxy.close();
  await readiness.start();
  const reason = expect.stringContaining(`(connect ECONNREFUSED 127.0.0.1:${proxy.port}). Check that`);
  expect(readiness.reason).toEqual(reason);
  expect(lines).toMatchObject([
    { err: { message: reason }, msg: 'The server is not ready: the store failed its check.' },
  ]);
}, 15_000);

test('a server with a full disk is not ready until there is space again', async (context) => {
  const postgres = await startPostgres();
  const directory = join(dirname(postgres.dataDirectory), 'disk');
  onTestFinished(async () => {
    await postgres.stop();
    spawnSync('umount', [directory]);
    await postgres.remove();
  });
  mkdirSync(directory);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', directory]);
  if (mounted.status !== 0) return context.skip('This machine does not let this user mount a disk.');
  const { uid, gid } = statSync(postgres.dataDirectory);
  chownSync(directory, uid, gid);
  await asAdministrator(postgres.url, `CREATE TABLESPACE small LOCATION '${directory}'`);
  await asAdministrator(postgres.url, 'CREATE DATABASE small TABLESPACE small');
  const url = new URL('/small', postgres.url).href;
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await store.checkReady();
  const ballast = join(directory, 'ballast');
  fill(ballast);
  await expect(store.checkReady()).rejects.toThrow('No space left on device');
  const content = JSON.stringify({ ballast: 'x'.repeat(60_000) });
  const submit = () => store.submit(from(first.id, { mobile: '+447840258824', content, type: 'unknown' }));
  await expect.poll(() => submit().catch(String)).toContain('No space left on device');
  await expect(store.checkReady()).rejects.toThrow('No space left on device');
  rmSync(ballast);
  await store.checkReady();
  expect(await submit()).toMatchObject({ outcome: 'unknown-type' });
}, 60_000);

/** Fills the disk until there is no space for another page of PostgreSQL. */
function fill(file: string): void {
  for (;;) {
    try {
      writeFileSync(file, Buffer.alloc(4_096), { flag: 'a' });
    } catch {
      expect(existsSync(file)).toBe(true);
      return;
    }
  }
}

test('reports only the clock skew that the round trip cannot explain', () => {
  expect(provenSkew(1_000, 1_500, 2_000)).toBe(0);
  expect(provenSkew(1_000, 1_000, 1_000)).toBe(0);
  expect(provenSkew(1_000, 400, 2_000)).toBe(600);
  expect(provenSkew(1_000, 2_700, 2_000)).toBe(-700);
});

test.each([3_600_000, -3_600_000, 0])(
  'reports a clock that is %i ms ahead of the database’s',
  async (skew) => {
    const seen: number[] = [];
    const observer = {
      batch: () => {},
      failure: () => {},
      clockSkew: (found: number) => void seen.push(found),
    };
    const url = await storeDatabase();
    const store = closeAfterTest(await openPostgresStore(url, {}, observer));
    if (skew !== 0) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + skew });
    onTestFinished(() => void vi.useRealTimers());
    await store.checkReady();
    // The fake clock does not advance during the check.
    expect(Math.abs((seen[0] ?? Number.NaN) - skew)).toBeLessThan(60_000);
    expect(store.clockSkew()).toBe(seen[0]);
    // A command knows it without a check.
    const opened = closeAfterTest(await openPostgresStore(url));
    expect(Math.abs(opened.clockSkew() - skew)).toBeLessThan(60_000);
    if (skew === 0) expect(seen).toEqual([0]);
  },
);
