/** Tests of PostgreSQL use each other's databases, so none may find what another has written. */
import { describe, expect, inject, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { asAdministrator } from '../../harness/postgres.ts';
import { closeAfterTest, seeded } from '../stores.ts';

/** Returns the rows of all tables. */
async function contentOf(url: string): Promise<unknown> {
  const tables = await asAdministrator<{ name: string }>(
    url,
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  );
  const rows = tables.map(
    ({ name }) => `SELECT '${name}', (SELECT json_agg(each) FROM ${name} AS each) AS rows`,
  );
  return asAdministrator(url, rows.join(' UNION ALL '));
}

async function addLead(url: string): Promise<number> {
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await store.submit(from(first.id));
  return first.id;
}

describe('a database of the pool', { shuffle: false, skip: inject('postgresIsGiven') }, () => {
  let url = '';
  let initial: unknown;
  let firstPartner = 0;

  test('is used', async () => {
    url = await storeDatabase();
    initial = await contentOf(url);
    firstPartner = await addLead(url);
    expect(await contentOf(url)).not.toEqual(initial);
  });

  test('is like new for the next test', async () => {
    expect(await storeDatabase()).toBe(url);
    expect(await contentOf(url)).toEqual(initial);
    expect(await addLead(url)).toBe(firstPartner);
    await asAdministrator(url, 'ALTER TABLE lead ADD COLUMN note text');
  });

  test('is not used again after a test has changed its tables', async () => {
    expect(await storeDatabase()).not.toBe(url);
  });
});
