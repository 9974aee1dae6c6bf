import pg from 'pg';
import { UserError } from '../../../errors/user-error.ts';
import { connectionError } from './connection-error.ts';
import { connectionUrl } from './connection-url.ts';

/** Maximum time to wait for a connection and for a statement (ms). */
const timeout = 5_000;

/** SQLSTATE of a connection to a database that does not exist. */
const noDatabase = '3D000';

/** SQLSTATE of a role that may not create databases. */
const insufficientPrivilege = '42501';

/** SQLSTATEs of a database that another process has just created. */
const exists = ['42P04', '23505'];

/** Returns the name of the database that a URL leads to, by the rules of PostgreSQL's own programs. */
export function databaseNameOf(url: string, environment: NodeJS.ProcessEnv = process.env): string {
  const { pathname, username, searchParams } = new URL(connectionUrl(url, environment));
  const named = decodeURIComponent(pathname.slice(1)) || environment['PGDATABASE'];
  const user = searchParams.get('user') ?? decodeURIComponent(username);
  return named || user || environment['PGUSER'] || environment['USER'] || '';
}

/** Returns whether the database of a URL exists. @throws if PostgreSQL cannot be reached */
export async function databaseExists(url: string): Promise<boolean> {
  try {
    await withClient(url, async () => {});
    return true;
  } catch (error) {
    if (isError(error, [noDatabase])) return false;
    throw connectionError(error);
  }
}

/**
 * Creates the database of a URL, unless it exists.
 *
 * @param other URL of another database of the same cluster
 * @throws {UserError} if the role may not create databases
 */
export async function createDatabase(url: string, other: string): Promise<void> {
  if (await databaseExists(url)) return;
  const name = databaseNameOf(url);
  try {
    await withClient(other, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
  } catch (error) {
    if (isError(error, exists)) return;
    if (!isError(error, [insufficientPrivilege])) throw connectionError(error);
    throw new UserError(
      `The database ${JSON.stringify(name)} does not exist, and this role may not create it. Run \`createdb --owner ROLE ${name}\` as a superuser of PostgreSQL, with the role in the URL as ROLE.`,
    );
  }
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({
    connectionString: connectionUrl(url),
    connectionTimeoutMillis: timeout,
    query_timeout: timeout,
  });
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function isError(error: unknown, codes: readonly string[]): boolean {
  return error instanceof pg.DatabaseError && codes.includes(error.code ?? '');
}
