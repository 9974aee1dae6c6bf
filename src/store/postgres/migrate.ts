import { readdirSync, readFileSync } from 'node:fs';
import type { PostgresDatabase, Run, Statement } from './database.ts';

const directory = new URL('migrations/', import.meta.url);

/** The migrations, in order: plain SQL in files numbered from 001. The table `migration` tells which ran. */
const files = readdirSync(directory)
  .filter((name) => name.endsWith('.sql'))
  .sort();

/** The number of the last migration that this version of the program has. */
export const latestMigration = files.length;

/** Held while a process migrates ("lead" in ASCII). Like the tables, it belongs to the database. */
export const migrationLock = 0x6c656164;

/**
 * Maximum time for one migration (ms). It may write large tables anew, or wait for another server that does; a connection
 * that is lost meanwhile is noticed by TCP's keep-alive.
 */
const migrationTimeout = 24 * 3_600_000;

const lastMigration: Statement = {
  name: 'last_migration',
  text: 'SELECT coalesce(max(number), 0) AS number FROM migration',
};

const hasMigrations: Statement = {
  name: 'has_migrations',
  text: `SELECT to_regclass('migration') IS NOT NULL AS exists`,
};

/** The number of the last migration that ran on this database. */
export async function currentMigration(database: PostgresDatabase): Promise<number> {
  const [table] = await database.read<{ exists: boolean }>(hasMigrations);
  if (!table?.exists) return 0;
  const [last] = await database.read<{ number: number }>(lastMigration);
  return last?.number ?? 0;
}

/**
 * Brings the database to the latest migration. Of two processes that start at once one migrates and
 * the other waits, then finds nothing left to do.
 *
 * @throws where the database was migrated by a newer version of the program
 */
export async function migrate(database: PostgresDatabase): Promise<void> {
  if ((await currentMigration(database)) === latestMigration) return;
  await database.transaction(async (run) => {
    // The lock ends with the transaction, so a pooler between need not keep the connection.
    await run('SET LOCAL statement_timeout = 0');
    await run('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await run(`CREATE TABLE IF NOT EXISTS migration (
      number integer PRIMARY KEY,
      ran_at timestamptz NOT NULL DEFAULT now()
    )`);
    const [last] = await run<{ number: number }>(lastMigration.text);
    await migrateFrom(last?.number ?? 0, run);
  }, migrationTimeout);
}

async function migrateFrom(current: number, run: Run): Promise<void> {
  if (current > latestMigration) {
    throw new Error(
      `The store has migration ${current} and this version knows ${latestMigration}: a newer version has used it. Start that version, or restore a copy from before.`,
    );
  }
  for (const [index, file] of files.entries()) {
    if (index < current) continue;
    await run(readFileSync(new URL(file, directory), 'utf8'));
    await run('INSERT INTO migration (number) VALUES ($1)', [index + 1]);
  }
}
