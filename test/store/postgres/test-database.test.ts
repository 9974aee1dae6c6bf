/** The database of test data, which the server creates next to that of the store if it may. */
import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { openTestStore, openTestStoreIfPresent } from '../../../src/app/test-store.ts';
import { databaseNameOf } from '../../../src/store/postgres/connection/create-database.ts';
import { testStoreUrlOf } from '../../../src/store/test-store.ts';
import { asAdministrator, emptyDatabase } from '../../harness/postgres.ts';

const config = { testStoreUrl: undefined, databaseConnections: 2 };

test('uses the database of test data that exists, and finds the store in it afterwards', async () => {
  const databaseUrl = await emptyDatabase();
  expect(await openTestStoreIfPresent({ ...config, databaseUrl })).toBeUndefined();
  // An operator may create the database before the first test key.
  await asAdministrator(databaseUrl, `CREATE DATABASE "${databaseNameOf(databaseUrl)}_test"`);
  expect(await openTestStoreIfPresent({ ...config, databaseUrl })).toBeUndefined();
  for (let attempt = 0; attempt < 2; attempt += 1)
    await (await openTestStore({ ...config, databaseUrl })).close();
  const store = await openTestStoreIfPresent({ ...config, databaseUrl });
  onTestFinished(async () => {
    await store?.close();
    await asAdministrator(databaseUrl, `DROP DATABASE "${databaseNameOf(databaseUrl)}_test"`);
  });
  expect(store).toBeDefined();
});

test('creates a missing database of test data', async () => {
  const databaseUrl = await emptyDatabase();
  const store = await openTestStore({ ...config, databaseUrl });
  onTestFinished(async () => {
    await store.close();
    await asAdministrator(databaseUrl, `DROP DATABASE "${databaseNameOf(databaseUrl)}_test"`);
  });
  expect(await store.settings()).toMatchObject([{ name: 'STORE_KIND', value: 'test' }]);
});

test('reports the command that creates the database if the role may not', async () => {
  const databaseUrl = await emptyDatabase();
  const role = `role_${randomBytes(8).toString('hex')}`;
  await asAdministrator(databaseUrl, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  onTestFinished(async () => void (await asAdministrator(databaseUrl, `DROP ROLE ${role}`)));
  const ofRole = new URL(databaseUrl);
  [ofRole.username, ofRole.password] = [role, 'x'];
  await expect(openTestStore({ ...config, databaseUrl: ofRole.href })).rejects.toThrow(
    `createdb --owner ROLE ${databaseNameOf(databaseUrl)}_test`,
  );
});

test('names the database after that of the store, wherever its name is from', async () => {
  const urls = {
    'postgres://user@host/leads?sslmode=verify-full': 'postgres://user@host/leads_test?sslmode=verify-full',
    'postgres://user@host': 'postgres://user@host/user_test',
    'sqlite:data/leads.db': 'sqlite:data/leads-test.db',
    'sqlite:/var/lib/leads.d/leads': 'sqlite:/var/lib/leads.d/leads-test',
    'sqlite::memory:': 'sqlite::memory:',
  };
  for (const [url, expected] of Object.entries(urls)) expect(await testStoreUrlOf(url)).toBe(expected);
  expect(databaseNameOf('postgres://user@host', { PGDATABASE: 'named' })).toBe('named');
});
