import { readdirSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { markInUse } from './lifecycle.ts';
import { migrationOf, versionOf, withMigration } from './version.ts';

const directory = new URL('migrations/', import.meta.url);

/** The migrations, in order: SQL files numbered from 001. `user_version` records the last one that ran. */
export const migrations: readonly URL[] = readdirSync(directory)
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map((name) => new URL(name, directory));

/** Number of the last migration of this version of the program. */
export const latestMigration = migrations.length;

/** Returns the number of the last migration that ran on this database; 0: it is empty. */
export function currentMigration(database: DatabaseSync): number {
  return migrationOf(versionOf(database));
}

/**
 * Brings the database to the latest migration, in one transaction. If two processes start at once, one migrates; the other
 * waits and finds nothing to do.
 *
 * @param files the migrations of this version of the program
 * @throws if a newer version of the program has migrated the database
 */
export function migrate(database: DatabaseSync, files = migrations): void {
  if (currentMigration(database) === files.length) return;
  checkVersion(database, files);
  markInUse(database);
  // A migration may recreate a table that others refer to. `foreign_key_check` finds references that it broke.
  database.exec('PRAGMA foreign_keys = OFF');
  database.exec('BEGIN IMMEDIATE');
  try {
    checkVersion(database, files);
    const version = versionOf(database);
    for (const file of files.slice(migrationOf(version))) database.exec(readFileSync(file, 'utf8'));
    const [broken] = database.prepare('PRAGMA foreign_key_check').all();
    if (broken !== undefined)
      throw new Error(`A migration broke a foreign key of the table ${broken['table']}.`);
    database.exec(`PRAGMA user_version = ${withMigration(version, files.length)}`);
    database.exec('COMMIT');
    // The file itself must have the version from the start, so that a replaced file is noticed.
    database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  } finally {
    database.exec('PRAGMA foreign_keys = ON');
  }
}

function checkVersion(database: DatabaseSync, files: readonly URL[]): void {
  const current = currentMigration(database);
  if (current <= files.length) return;
  throw new Error(
    `The store has migration ${current}, and this version knows migrations up to ${files.length}: a newer version has migrated it. Start that version, or restore a backup made before the migration.`,
  );
}
