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
