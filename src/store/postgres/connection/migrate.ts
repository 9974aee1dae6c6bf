import { readFileSync } from 'node:fs';
import { checkMigrationKnown, migrationsIn } from '../../migrations.ts';
import type { PostgresDatabase, Run, Statement } from './database.ts';

/** The migrations, in order. The table `schema_migration` records those that ran. */
export const migrations: readonly URL[] = migrationsIn(new URL('migrations/', import.meta.url));

/** Number of the last migration of this version of the program. */
export const latestMigration = migrations.length;

/** Advisory lock held while a process migrates ("lead" in ASCII). Each database has its own. */
export const migrationLock = 0x6c656164;

const lastMigration: Statement = {
  name: 'last_migration',
  text: 'SELECT coalesce(max(number), 0) AS number FROM schema_migration',
};

/** Versions before 1.0.0 recorded their migrations in the table `migration`. */
const migrationTables: Statement = {
  name: 'migration_tables',
  text: `SELECT to_regclass('schema_migration') IS NOT NULL AS "isStore",
    to_regclass('api_key') IS NOT NULL AS "hasKeys",
    to_regclass('migration') IS NOT NULL AND to_regclass('kept_answer') IS NOT NULL AS "isPrerelease"`,
};

/** What to do about a database that was restored incompletely. */
export const restoreAgain =
  'If a restore was interrupted or reported errors, drop the database, create an empty one, and restore the dump again with `pg_restore --exit-on-error --single-transaction` (docs/operating/backup-and-restore.md).';

/**
 * Returns the number of the last migration that ran on this database; 0: it is empty.
 *
 * @throws if a version before 1.0.0 wrote it, or a restore has created tables but filled none: a migration creates and
 *   records them in one transaction
 */
export async function currentMigration(database: PostgresDatabase): Promise<number> {
  const [tables] = await database.read<{ isStore: boolean; hasKeys: boolean; isPrerelease: boolean }>(
    migrationTables,
  );
  if (tables?.isPrerelease && !tables.isStore) {
    throw new Error(
      'The store was written by a version before 1.0.0, which this version cannot read. Set DATABASE_URL to an empty database, or start the version that wrote it.',
    );
  }
  const [last] = tables?.isStore ? await database.read<{ number: number }>(lastMigration) : [];
  const current = last?.number ?? 0;
  if (current === 0 && (tables?.isStore || tables?.hasKeys)) {
    throw new Error(
      `The database is incomplete: it has tables of a store without their rows. ${restoreAgain}`,
    );
  }
  return current;
}

/**
 * Brings the database to the latest migration, in one transaction. If two processes start at once, one migrates; the
 * other waits and finds nothing to do.
 *
 * @param files the migrations of this version of the program
 * @throws if a newer version of the program has migrated the database
 */
export async function migrate(database: PostgresDatabase, files = migrations): Promise<void> {
  if ((await currentMigration(database)) === files.length) return;
  await database.migration(async (run) => {
    // A lock of the transaction rather than of the session, because a pooler may change the session.
    await run('SET LOCAL statement_timeout = 0');
    await run('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await run(`CREATE TABLE IF NOT EXISTS schema_migration (
      number integer PRIMARY KEY,
      ran_at timestamptz NOT NULL DEFAULT now()
    )`);
    const [last] = await run<{ number: number }>(lastMigration.text);
    await migrateFrom(last?.number ?? 0, files, run);
  });
}

async function migrateFrom(current: number, files: readonly URL[], run: Run): Promise<void> {
  checkMigrationKnown(current, files.length);
  for (const file of files.slice(current)) await run(readFileSync(file, 'utf8'));
  // Waits for the writes of older servers that have passed the check of the schema version; later ones fail. Statements
  // that write take this lock last too, so they cannot deadlock with this transaction.
  await run('LOCK TABLE schema_migration IN ACCESS EXCLUSIVE MODE');
  await run('INSERT INTO schema_migration (number) SELECT generate_series($1::integer, $2::integer)', [
    current + 1,
    files.length,
  ]);
}
