import type { PostgresDatabase, Statement } from './connection/database.ts';

const effectiveTimeout: Statement = {
  name: 'statement_timeout',
  text: `SELECT setting::integer AS timeout, current_user AS role FROM pg_settings WHERE name = 'statement_timeout'`,
};

/**
 * Emits a warning if PostgreSQL lets statements take longer than the limit, and the server cannot set
 * `statement_timeout` because it is connected through a pooler. A statement that waits for a lock would keep its
 * connection and its own locks after the server has given up.
 *
 * @param limit maximum duration of a statement (ms)
 */
export async function warnWithoutStatementTimeout(database: PostgresDatabase, limit: number): Promise<void> {
  if (!database.isPooled) return;
  const [row] = await database.read<{ timeout: number; role: string }>(effectiveTimeout);
  if (row === undefined || (row.timeout > 0 && row.timeout <= limit)) return;
  process.emitWarning(
    `The role ${row.role} has no statement_timeout of up to ${limit / 1_000} s, and a server behind a pooler cannot set it. Run \`ALTER ROLE ${row.role} SET statement_timeout = '${limit / 1_000}s'\`, then reconnect the pooler.`,
  );
}
