/** Databases with the tables of a new store, which tests use one after another: creating one takes ten times as long. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { asAdministrator, emptyDatabase } from './postgres.ts';

/** A database of the pool. */
interface Pooled {
  url: string;
  /** One connection. It stays open, because planning the statements of a reset would take most of its time. */
  connection: pg.Pool;
  /** Identifies its tables, functions and settings. */
  schema: string;
}

const free: Pooled[] = [];

/** Statements that restore the first content of a database. Undefined: none was created yet. */
let reset: readonly pg.QueryConfig[] | undefined;

/** Maximum size of the largest tables of a database that is used again (bytes). */
const maxTableSize = 128 * 1024;

/** The database from which those of the pool are copied. */
const template = 'store_template';

/** Options of a database of the pool. */
export interface DatabaseOptions {
  /** Keeps its idle connections after the test, such as those of PgBouncer. Default: false. */
  keepsIdle?: boolean;
}

/**
 * Returns the URL of a database with the tables of a new store, or without any on a given server. After the test,
 * another one of the same file may use it, unless the test changed its tables or settings.
 */
export async function storeDatabase({ keepsIdle = false }: DatabaseOptions = {}): Promise<string> {
  if (inject('postgresIsGiven')) return emptyDatabase();
  const database = free.pop() ?? (await create());
  onTestFinished(async () => {
    if (await isReset(database, keepsIdle)) free.push(database);
  });
  return database.url;
}

async function create(): Promise<Pooled> {
  const server = inject('postgresUrl');
  await createTemplate(server);
  const name = `store_${randomBytes(8).toString('hex')}`;
  await asAdministrator(server, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  const url = withDatabase(server, name);
  const connection = new pg.Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
    // Without triggers and foreign keys, the order of a reset does not matter, and the audit log can be emptied.
    onConnect: (client) => client.query('SET session_replication_role = replica'),
  });
  // A test may terminate every connection.
  connection.on('error', () => {});
  reset ??= await resetOf(connection);
  return { url, connection, schema: await schemaOf(connection) };
}

/** Creates the template unless another worker has. */
async function createTemplate(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    // Other workers wait for the one that creates it.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [template]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (rowCount === 0) {
      const unfinished = `${template}_unfinished`;
      await client.query(`CREATE DATABASE ${unfinished}`);
      await (await openPostgresStore(withDatabase(server, unfinished))).close();
      await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`);
    }
  } finally {
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Restores the first content of a database. Returns whether another test can use it. */
async function isReset({ connection, schema }: Pooled, keepsIdle: boolean): Promise<boolean> {
  await connection.query({
    name: 'terminate',
    text: `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
         AND NOT ($1 AND state = 'idle')`,
    values: [keepsIdle],
  });
  if ((await schemaOf(connection)) !== schema || (await isLarge(connection))) {
    await connection.end();
    return false;
  }
  for (const statement of reset ?? []) await connection.query(statement);
  return true;
}

/**
 * Whether the tables have become so large that PostgreSQL, once it has analysed them without their rows, would plan the
 * statements of the next test for hardly any rows.
 */
async function isLarge(connection: pg.Pool): Promise<boolean> {
  const { rows } = await connection.query<{ size: number }>({
    name: 'size',
    text: `SELECT (pg_relation_size('lead') + pg_relation_size('submission'))::integer AS size`,
  });
  return (rows[0]?.size ?? 0) > maxTableSize;
}

async function schemaOf(connection: pg.Pool): Promise<string> {
  const { rows } = await connection.query<{ schema: string }>({
    name: 'schema',
    text: `SELECT md5(concat(
      (SELECT string_agg(concat(oid, relname, relhastriggers, relnatts, reloptions), ',' ORDER BY oid)
       FROM pg_class WHERE oid >= 16384 AND relkind <> 't'),
      (SELECT string_agg(concat(oid, proname, prosrc), ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
      (SELECT string_agg(concat(oid, tgname, tgenabled), ',' ORDER BY oid) FROM pg_trigger WHERE oid >= 16384),
      (SELECT string_agg(concat(oid, conname, convalidated), ',' ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
      (SELECT string_agg(concat(attrelid, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum)
       FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
      (SELECT string_agg(concat(setrole, setconfig), ',' ORDER BY setrole) FROM pg_db_role_setting
       WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
    )) AS schema`,
  });
  return rows[0]?.schema ?? '';
}

/** Returns statements that replace the rows of all tables by those that a new store has. */
async function resetOf(connection: pg.Pool): Promise<pg.QueryConfig[]> {
  const { rows: tables } = await connection.query<{ name: string; columns: string }>(`
    SELECT relname AS name, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND attgenerated = '' AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY relname`);
  const { rows: contents } = await connection.query<{ name: string; rows: string | null }>(
    tables
      .map(({ name }) => `SELECT '${name}' AS name, json_agg(each)::text AS rows FROM ${name} AS each`)
      .join(' UNION ALL '),
  );
  const { rows: sequences } = await connection.query<{ name: string; value: string; isCalled: boolean }>(`
    SELECT sequencename AS name, coalesce(last_value, start_value) AS value, last_value IS NOT NULL AS "isCalled"
    FROM pg_sequences WHERE schemaname = 'public'`);
  const columnsOf = new Map(tables.map(({ name, columns }) => [name, columns]));
  const inserts = contents.flatMap(({ name, rows }) => {
    if (rows === null) return [];
    const columns = columnsOf.get(name);
    return `INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns}
      FROM json_populate_recordset(NULL::${name}, ${pg.escapeLiteral(rows)})`;
  });
  const values = sequences.map(({ name, value, isCalled }) => `setval('${name}', ${value}, ${isCalled})`);
  return [
    { name: 'empty', text: inOneStatement(tables.map(({ name }) => `DELETE FROM ${name}`)) },
    { name: 'fill', text: inOneStatement(inserts) },
    { name: 'sequences', text: `SELECT ${values.join()}` },
  ];
}

/** Returns a statement that runs others that modify data. */
function inOneStatement(statements: readonly string[]): string {
  return `WITH ${statements.map((statement, index) => `part_${index} AS (${statement})`).join()} SELECT`;
}
