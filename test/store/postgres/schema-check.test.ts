/** A database that was restored incompletely is refused: it would accept people twice, or nobody. */
import { expect, onTestFinished, test } from 'vitest';
import { PostgresDatabase } from '../../../src/store/postgres/connection/database.ts';
import { missingObjects } from '../../../src/store/postgres/connection/schema-check.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { executeCli } from '../../harness/cli.ts';
import { asAdministrator, emptyDatabase } from '../../harness/postgres.ts';
import { finished, start } from '../../harness/process.ts';

/** Creates a store. Returns the URL of its database. */
async function newStore(): Promise<string> {
  const url = await emptyDatabase();
  await (await openPostgresStore(url)).close();
  return url;
}

function databaseOf(url: string): PostgresDatabase {
  const timeout = 10_000;
  const database = new PostgresDatabase(url, {
    connections: 1,
    statementTimeout: timeout,
    responseTimeout: timeout,
    retryTimeout: timeout,
  });
  onTestFinished(() => database.close());
  return database;
}

/** Everything that the migrations create, with a statement that removes it. */
const objects = `
  SELECT 'table ' || relname AS name, format('DROP TABLE IF EXISTS %I CASCADE', relname) AS removal
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  UNION ALL
  SELECT 'index ' || indexname, '' FROM pg_indexes
  WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
  UNION ALL
  SELECT 'constraint ' || conname, '' FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL
  SELECT 'trigger ' || tgname, '' FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT 'function ' || proname, format('DROP FUNCTION IF EXISTS %I CASCADE', proname)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace`;

test('the check knows everything that the migrations create', async () => {
  const url = await newStore();
  const database = databaseOf(url);
  expect(await missingObjects(database)).toEqual([]);
  const created = await asAdministrator<{ name: string; removal: string }>(url, objects);
  for (const { removal } of created) if (removal !== '') await asAdministrator(url, removal);
  await asAdministrator(url, 'CREATE TABLE schema_migration ()');
  const expected = created.map(({ name }) => name).filter((name) => name !== 'table schema_migration');
  expect((await missingObjects(database)).toSorted()).toEqual(expected.toSorted());
});

/** What is missing, and the statements that remove it. */
const incomplete: [what: string, statements: string[], missing: string][] = [
  ['an index', ['DROP INDEX lead_active'], 'index lead_active is missing.'],
  [
    'a constraint',
    ['ALTER TABLE lead DROP CONSTRAINT lead_pkey', 'ALTER TABLE api_key DROP CONSTRAINT api_key_digest_key'],
    'constraint api_key_digest_key, constraint lead_pkey are missing.',
  ],
  [
    'the triggers',
    ['ALTER TABLE lead DISABLE TRIGGER USER', 'DROP FUNCTION refuse_outdated_server'],
    'trigger lead_added, trigger lead_event, trigger lead_moved and 2 more are missing.',
  ],
  ['every row', ['DELETE FROM schema_migration'], 'it has tables of a store without their rows.'],
  [
    'every row and some tables',
    ['DROP TABLE schema_migration', 'DROP TABLE setting'],
    'it has tables of a store without their rows.',
  ],
];

test.each(incomplete)('servers and commands refuse a database without %s', async (_, statements, missing) => {
  const url = await newStore();
  for (const statement of statements) await asAdministrator(url, statement);
  const message = `the store in DATABASE_URL cannot be opened. The database is incomplete: ${missing} If a restore was interrupted or reported errors, drop the database, create an empty one, and restore the dump again with \`pg_restore --exit-on-error --single-transaction\``;
  for (const words of [
    ['type', 'list'],
    ['store', 'mark-restored', '--dry-run'],
  ]) {
    const command = await executeCli(words, { DATABASE_URL: url });
    expect(command).toMatchObject({ code: 1, stdout: '' });
    expect(command.stderr).toContain(message);
  }
  const server = await finished(start('src/main.ts', [], { DATABASE_URL: url, PORT: '0' }));
  expect(server.code).toBe(1);
  expect(`${server.stdout}${server.stderr}`).toContain(message);
});
