import pg from 'pg';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { ConnectionLost, reasonOf } from './errors.ts';
import { newerSchema } from './schema-version.ts';

/** SQLSTATE of a statement that the user has no right to run. */
const insufficientPrivilege = '42501';

/** What to do if the user of the store may not use the tables. */
export const makeOwner =
  'Make the user in DATABASE_URL the owner of the database and of its tables with all privileges on them (docs/operating/postgresql.md#wrong-owner).';

function newerSchemaError(error: pg.DatabaseError): StoreUnavailable {
  return new StoreUnavailable(
    `A newer version has migrated the store, so this server no longer writes to it. Stop this server and start the newer version. ${error.message}`,
    { cause: error },
  );
}

/** Removes personal data: errors are logged, and PostgreSQL's details repeat the row that caused them. */
function redacted(error: pg.DatabaseError): pg.DatabaseError {
  error.detail = undefined;
  error.where = undefined;
  return error;
}

/** A query with its own timeout (ms), which the driver supports but its types do not declare. */
interface TimedQuery extends pg.QueryConfig {
  query_timeout?: number;
}

/** Runs a query. Any error of the driver that is not one of PostgreSQL's is a connection error. */
export async function runQuery<Row>(client: pg.PoolClient, query: TimedQuery): Promise<Row[]> {
  try {
    // The cast: a row has the columns that the SQL names, of the types that the tables declare.
    return (await client.query(query)).rows as Row[];
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      if (error.code === insufficientPrivilege) error.message = `${error.message}. ${makeOwner}`;
      throw error.code === newerSchema ? newerSchemaError(error) : redacted(error);
    }
    throw new ConnectionLost(`The connection to PostgreSQL was lost (${reasonOf(error)}).`, { cause: error });
  }
}
