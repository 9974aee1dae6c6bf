/** A column that a migration adds to one store must be added to the other, and to what `leads store copy` copies. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { archiveTables } from '../../src/store/archive.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { closing } from './stores.ts';

/** Counts that triggers keep, the row of the readiness check, and PostgreSQL's own list of migrations. */
const notCopied = ['lead_count', 'readiness', 'schema_migration'];

/** Returns `table.column` of every table that is copied, in alphabetical order. */
function columns(rows: readonly { table: string; column: string }[]): string[] {
  return rows
    .filter(({ table }) => !notCopied.includes(table))
    .map(({ table, column }) => `${table}.${column}`)
    .toSorted();
}

function sqliteColumns(): string[] {
  const file = join(temporaryDirectory(), 'leads.db');
  closing(openSqliteStore(file));
  const database = new DatabaseSync(file);
  const rows = database
    .prepare(
      `SELECT tables.name AS "table", columns.name AS "column"
       FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
       WHERE tables.schema = 'main' AND tables.name NOT LIKE 'sqlite%'`,
    )
    .all();
  database.close();
  return columns(rows.map((row) => ({ table: String(row['table']), column: String(row['column']) })));
}

async function postgresColumns(): Promise<string[]> {
  const url = await emptyDatabase();
  closing(await openPostgresStore(url));
  const sql = `SELECT table_name AS "table", column_name AS "column"
    FROM information_schema.columns WHERE table_schema = current_schema()`;
  return columns(await asAdministrator<{ table: string; column: string }>(url, sql));
}

test('both stores have the same columns, and a copy includes each', async () => {
  const copied = archiveTables.flatMap((table) =>
    table.columns.map((column) => ({ table: table.name, column })),
  );
  const inSqlite = sqliteColumns();
  expect(columns(copied)).toEqual(inSqlite);
  expect(await postgresColumns()).toEqual(inSqlite);
});
