import { readdirSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { markInUse, versionOf } from './closing.ts';
import { migrated, migrationOf } from './version.ts';

const directory = new URL('migrations/', import.meta.url);

/**
 * The migrations, in order: plain SQL in files numbered from 001. SQLite keeps the number of the
 * last one that ran in the file itself (`version.ts`), under the same transaction.
 */
const files = readdirSync(directory)
  .filter((name) => name.endsWith('.sql'))
  .sort();

/** The number of the last migration that this version of the program has. */
export const latestMigration = files.length;

/** The number of the last migration that ran on this database. */
export function currentMigration(database: DatabaseSync): number {
  return migrationOf(versionOf(database));
}

/**
 * Brings the database to the latest migration. Of two processes that start at once one migrates and
 * the other waits, then finds nothing left to do.
 *
 * @throws where the database was migrated by a newer version of the program
 */
export function migrate(database: DatabaseSync): void {
  if (currentMigration(database) === latestMigration) return;
  checkVersion(database);
  markInUse(database);
  // A table that is made anew is dropped while others refer to it; the check below makes up for it.
  database.exec('PRAGMA foreign_keys = OFF');
  database.exec('BEGIN IMMEDIATE');
  try {
    checkVersion(database);
    const version = versionOf(database);
    for (const file of files.slice(migrationOf(version)))
      database.exec(readFileSync(new URL(file, directory), 'utf8'));
    const [broken] = database.prepare('PRAGMA foreign_key_check').all();
    if (broken !== undefined)
      throw new Error(`A migration broke a reference of the table ${broken['table']}.`);
    database.exec(`PRAGMA user_version = ${migrated(version, latestMigration)}`);
    database.exec('COMMIT');
    // The file itself has the version from the start, so that one that is replaced is noticed.
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  } finally {
    database.exec('PRAGMA foreign_keys = ON');
  }
}

function checkVersion(database: DatabaseSync): void {
  const current = currentMigration(database);
  if (current <= latestMigration) return;
  throw new Error(
    `The store has migration ${current} and this version knows ${latestMigration}: a newer version has used it. Start that version, or restore a copy from before.`,
  );
}
