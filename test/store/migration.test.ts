/** Migrations run once and in order, undo themselves if they fail, and never touch the store of another version. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { migrations as postgresMigrations } from '../../src/store/postgres/connection/migrate.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openDatabase } from '../../src/store/sqlite/file/database.ts';
import { currentMigration, migrate, migrations } from '../../src/store/sqlite/file/migrate.ts';
import { prereleaseApplicationId } from '../../src/store/sqlite/file/version.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest } from './stores.ts';

/** The migrations of a later version of the program. */
function withFurtherMigrations(...texts: string[]): URL[] {
  const directory = temporaryDirectory();
  return [
    ...migrations,
    ...texts.map((text, index) => {
      const file = join(directory, `${index}.sql`);
      writeFileSync(file, text);
      return pathToFileURL(file);
    }),
  ];
}

function migratedDatabase(): DatabaseSync {
  const database = openDatabase(join(temporaryDirectory(), 'leads.db'));
  migrate(database);
  return database;
}

test('both stores have the same migrations, numbered without gaps', () => {
  const names = (files: readonly URL[]) => files.map(({ pathname }) => basename(pathname));
  expect(names(postgresMigrations)).toEqual(names(migrations));
  const numbers = migrations.map((_file, index) => String(index + 1).padStart(3, '0'));
  expect(names(migrations).map((name) => name.split('-')[0])).toEqual(numbers);
});

test('both stores have the same indexes', async () => {
  const url = await emptyDatabase();
  closeAfterTest(await openPostgresStore(url));
  const postgresIndexes = await asAdministrator(
    url,
    `SELECT tablename AS "table", indexname AS index FROM pg_indexes
     WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
       AND indexname <> 'submission_by_sequence' -- SQLite's rowid needs no index.
     ORDER BY indexname COLLATE "C"`,
  );
  const database = migratedDatabase();
  const sqliteIndexes = database
    .prepare(
      `SELECT tbl_name AS "table", name AS "index" FROM sqlite_schema
       WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`,
    )
    .all();
  database.close();
  expect(postgresIndexes).not.toEqual([]);
  expect(sqliteIndexes).toEqual(postgresIndexes);
});

test('runs only the migrations that a store does not have yet, each once, and keeps its rows', () => {
  const database = migratedDatabase();
  database.exec("INSERT INTO lead_type (name, created_at) VALUES ('motor-trade', 1)");
  const files = withFurtherMigrations(
    'ALTER TABLE lead_type ADD COLUMN colour TEXT; UPDATE lead_type SET colour = name;',
    "UPDATE lead_type SET colour = colour || '!';",
  );
  migrate(database, files);
  migrate(database, files);
  expect(currentMigration(database)).toBe(files.length);
  expect(database.prepare('SELECT name, colour FROM lead_type').all()).toEqual([
    { name: 'motor-trade', colour: 'motor-trade!' },
  ]);
  database.close();
});

test.each([
  [
    'fails',
    'ALTER TABLE lead_type ADD COLUMN colour TEXT; SELECT no_such_column FROM lead_type;',
    /no_such_column/,
  ],
  [
    'breaks a foreign key',
    'INSERT INTO partner (id, name, created_at) VALUES (1, 1, 1); INSERT INTO granted_type (partner_id, type_id) VALUES (1, 99);',
    /broke a foreign key of the table granted_type/,
  ],
])('undoes all migrations of a start if one %s', (_what, text, reason) => {
  const database = migratedDatabase();
  const before = currentMigration(database);
  expect(() => migrate(database, withFurtherMigrations('CREATE TABLE extra (id INTEGER);', text))).toThrow(
    reason,
  );
  expect(currentMigration(database)).toBe(before);
  expect(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'extra'").get()).toBeUndefined();
  expect(database.prepare('SELECT count(*) AS partners FROM partner').get()).toEqual({ partners: 0 });
  database.close();
});

test('refuses an SQLite file written before version 1.0.0, and leaves it as it is', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const old = new DatabaseSync(file);
  old.exec(`PRAGMA application_id = ${prereleaseApplicationId}; PRAGMA user_version = 10;
    CREATE TABLE lead (id TEXT); INSERT INTO lead VALUES ('kept')`);
  old.close();
  await expect(openStore(`sqlite:${file}`)).rejects.toThrow(
    /leads\.db was written by a version before 1\.0\.0, .*Set DATABASE_URL to a new file/,
  );
  const reopened = new DatabaseSync(file);
  expect(reopened.prepare('SELECT id FROM lead').all()).toEqual([{ id: 'kept' }]);
  expect(reopened.prepare('PRAGMA user_version').get()).toEqual({ user_version: 10 });
  reopened.close();
});

test('refuses a PostgreSQL database written before version 1.0.0, and leaves it as it is', async () => {
  const url = await emptyDatabase();
  await asAdministrator(
    url,
    'CREATE TABLE migration (number integer); CREATE TABLE kept_answer (id integer)',
  );
  await expect(openStore(url)).rejects.toThrow(
    /written by a version before 1\.0\.0, .*Set DATABASE_URL to an empty database/,
  );
  expect(await asAdministrator(url, "SELECT to_regclass('lead') IS NULL AS untouched")).toEqual([
    { untouched: true },
  ]);
});
