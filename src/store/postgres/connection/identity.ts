import type { PostgresDatabase, Statement } from './database.ts';

/** Whether this user may call `pg_control_system`, which databases that only resemble PostgreSQL do not have. */
const mayReadControl: Statement = {
  name: 'may_read_control',
  text: `SELECT coalesce(has_function_privilege(to_regprocedure('pg_control_system()'), 'EXECUTE'), false) AS "mayRead"`,
};

/**
 * Identifies a database: the cluster, the database, and the table that every restore creates again. A standby has the
 * same identity as its primary.
 */
const identityOf = (cluster: string): Statement => ({
  name: 'database_identity',
  text: `SELECT concat_ws('/', ${cluster},
      (SELECT oid FROM pg_database WHERE datname = current_database()),
      to_regclass('schema_migration')::oid) AS identity`,
});

const withCluster = identityOf('(SELECT system_identifier FROM pg_control_system())');
const withoutCluster = identityOf('NULL');

/** What the statement of an identity returns. */
export interface IdentityRow {
  identity: string;
}

/** Returns the statement that identifies this database. */
export async function identityStatement(database: Pick<PostgresDatabase, 'read'>): Promise<Statement> {
  const [row] = await database.read<{ mayRead: boolean }>(mayReadControl);
  return row?.mayRead ? withCluster : withoutCluster;
}
