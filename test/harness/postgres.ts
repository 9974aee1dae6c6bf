import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';

/** Creates an empty database, which is removed after the test. Returns its URL. */
export async function emptyDatabase(serverUrl: string = inject('postgresUrl')): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdministrator(serverUrl, `CREATE DATABASE ${name}`);
  // The tests' own PostgreSQL is removed as a whole: dropping a database would sync all its files.
  const isRemoved = serverUrl !== inject('postgresUrl') || !inject('postgresIsGiven');
  onTestFinished(async () => {
    if (isRemoved) return;
    await asAdministrator(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Opens a connection, which ends after the test. */
export async function openConnection(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // An error of a connection that the test does not use would end the process.
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** Opens a connection with an open transaction. */
export async function openTransaction(url: string): Promise<pg.Client> {
  const client = await openConnection(url);
  await client.query('BEGIN');
  return client;
}

/** Returns the statements of the stores of a database that wait for a lock. */
export async function statementsWaitingForLocks(url: string): Promise<string[]> {
  const rows = await asAdministrator<{ query: string }>(
    url,
    `SELECT query FROM pg_stat_activity
     WHERE application_name LIKE 'leads/%' AND datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.map(({ query }) => query.trim());
}

/** Returns the process ids of the connections of the stores of a database that listen. */
export async function listeners(url: string): Promise<number[]> {
  const rows = await asAdministrator<{ pid: number }>(
    url,
    `SELECT pid FROM pg_stat_activity
     WHERE application_name LIKE 'leads/%' AND datname = current_database() AND query LIKE 'LISTEN%'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Terminates the connections of the stores of a database. */
export async function terminateConnections(url: string): Promise<void> {
  await asAdministrator(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE 'leads/%' AND datname = current_database()`,
  );
}

/** Runs SQL on a separate connection. */
export async function asAdministrator<Row extends pg.QueryResultRow = pg.QueryResultRow>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
