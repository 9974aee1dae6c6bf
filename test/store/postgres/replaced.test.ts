/** A server whose database was replaced, such as by a restore, delivers and accepts nothing until it is restarted. */
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { asAdministrator, emptyDatabase } from '../../harness/postgres.ts';
import { claim } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const isReplaced = 'The database was replaced while this process was running';

test('a database that was dropped and created again is not used', async () => {
  const url = await emptyDatabase();
  const name = new URL(url).pathname.slice(1);
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const server = new URL(url);
  server.pathname = '/postgres';
  await asAdministrator(server.href, `DROP DATABASE ${name} WITH (FORCE)`);
  await asAdministrator(server.href, `CREATE DATABASE ${name}`);
  const restored = await seeded(closeAfterTest(await openPostgresStore(url)));
  await restored.store.submit(restored.from(restored.first.id));
  await expect(claim(store, 'test')).rejects.toThrow(isReplaced);
  await expect(store.checkReady()).rejects.toThrow(isReplaced);
  await expect(store.submit(from(first.id))).rejects.toThrow(isReplaced);
  expect(await claim(restored.store, 'test')).toHaveLength(1);
});

test('tables that a restore has created again are not used, on connections that stay open', async () => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await store.submit(from(first.id));
  await asAdministrator(
    url,
    `BEGIN;
     CREATE TABLE restored AS SELECT * FROM schema_migration;
     DROP TABLE schema_migration;
     ALTER TABLE restored RENAME TO schema_migration;
     COMMIT`,
  );
  await expect(claim(store, 'test')).rejects.toThrow(isReplaced);
});
