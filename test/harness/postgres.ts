import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';

/** An empty database that is gone when the test is. Gives its address. */
export async function emptyDatabase(serverUrl: string = inject('postgresUrl')): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdministrator(serverUrl, `CREATE DATABASE ${name}`);
  // A PostgreSQL of the tests' own is removed whole: dropping a database makes it sync all that it has.
  const isRemoved = serverUrl !== inject('postgresUrl') || !inject('postgresIsGiven');
  onTestFinished(async () => {
    if (isRemoved) return;
    await asAdministrator(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs SQL on a connection of its own, as an operator or another program could. */
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
