/**
 * A copy of a store is complete: every table and column of each store's schema is copied, or listed here as not copied.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest } from './stores.ts';

/** Tables that are not copied, and why. */
const notCopied = {
  suppressed_number: 'triggers keep the numbers of the do-not-call list',
  lead_count: 'triggers count the leads that are added',
  readiness: 'holds nothing but the last checks',
  request_share: 'concerns servers that are running',
  schema_migration: 'belongs to the schema',
};

interface Column {
  name: string;
  isBoolean: boolean;
}

interface Table {
  columns: Column[];
  /** Columns of each unique index. */
  keys: string[][];
}

/** Tables of a schema, by name. */
type Schema = Map<string, Table>;

async function sqliteSchema(): Promise<Schema> {
  const file = join(temporaryDirectory(), 'leads.db');
  closeAfterTest(openSqliteStore(file));
  const database = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => database.close());
  // The casts: a row has the columns that its statement names.
  const rows = <Row>(sql: string, ...values: string[]) => database.prepare(sql).all(...values) as Row[];
  const tables = rows<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  return new Map(
    tables.map(({ name }) => {
      const columns = rows<{ name: string; pk: number }>('SELECT name, pk FROM pragma_table_info(?)', name);
      const primary = columns.filter(({ pk }) => pk > 0).toSorted((one, other) => one.pk - other.pk);
      const unique = rows<{ name: string }>('SELECT name FROM pragma_index_list(?) WHERE "unique"', name).map(
        (index) => rows<{ name: string }>('SELECT name FROM pragma_index_info(?) ORDER BY seqno', index.name),
      );
      const isChecked = (column: string) =>
        rows('SELECT 1 FROM sqlite_schema WHERE name = ? AND sql LIKE ?', name, `%${column} IN (0, 1)%`);
      return [
        name,
        {
          columns: columns.map((column) => ({
            name: column.name,
            isBoolean: isChecked(column.name).length > 0,
          })),
          keys: [primary, ...unique].map((key) => key.map((column) => column.name)),
        },
      ];
    }),
  );
}

async function postgresSchema(): Promise<Schema> {
  const url = await emptyDatabase();
  closeAfterTest(await openPostgresStore(url));
  const tables = await asAdministrator<Table & { name: string }>(
    url,
    `SELECT table_name AS name,
       (SELECT json_agg(json_build_object('name', column_name, 'isBoolean', data_type = 'boolean'))
        FROM information_schema.columns WHERE columns.table_name = tables.table_name) AS columns,
       (SELECT coalesce(json_agg(ARRAY(
          SELECT attname FROM unnest(indkey) WITH ORDINALITY AS key (number, place)
          JOIN pg_attribute ON attrelid = indrelid AND attnum = key.number ORDER BY place)), '[]')
        FROM pg_index WHERE indrelid = table_name::regclass AND indisunique) AS keys
     FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  return new Map(tables.map(({ name, ...table }) => [name, table]));
}

describe.each([
  ['SQLite', sqliteSchema, ['suppressed_number', 'lead_count', 'readiness', 'request_share']],
  ['PostgreSQL', postgresSchema, Object.keys(notCopied).filter((name) => name !== 'suppressed_number')],
])('%s', (_name, readSchema, left) => {
  test('copies every table except those listed', async () => {
    const schema = await readSchema();
    const copied = tablesToCopy.map(({ name }) => name);
    expect([...schema.keys()].toSorted()).toEqual([...copied, ...left].toSorted());
  });

  test('copies every column of a copied table', async () => {
    const schema = await readSchema();
    for (const { name, columns } of tablesToCopy) {
      const stored = schema.get(name)?.columns.map((column) => column.name) ?? [];
      expect(columns.toSorted(), name).toEqual(stored.toSorted());
    }
  });

  test('the key of each table identifies a row', async () => {
    const schema = await readSchema();
    for (const { name, columns, keyLength } of tablesToCopy) {
      expect(schema.get(name)?.keys, name).toContainEqual(columns.slice(0, keyLength));
    }
  });

  test('copies every boolean column as a boolean', async () => {
    const schema = await readSchema();
    for (const { name, booleans = [] } of tablesToCopy) {
      const stored = schema.get(name)?.columns.filter(({ isBoolean }) => isBoolean) ?? [];
      expect(stored.map((column) => column.name).toSorted(), name).toEqual(booleans.toSorted());
    }
  });
});
