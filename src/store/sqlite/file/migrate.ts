import { existsSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { checkMigrationKnown, migrationsIn } from '../../migrations.ts';
import { explainError } from '../errors.ts';
import { descriptorOf } from './descriptors.ts';
import { markInUse } from './lifecycle.ts';
import { isStoreFile, migrationOf, versionInFile, versionOf, withMigration } from './version.ts';

/** The migrations, in order. `user_version` records the last one that ran. */
export const migrations: readonly URL[] = migrationsIn(new URL('migrations/', import.meta.url));

/** Number of the last migration of this version of the program. */
export const latestMigration = migrations.length;

/** Returns the number of the last migration that ran on this database; 0: it is empty. */
export function currentMigration(database: DatabaseSync): number {
  return migrationOf(versionOf(database));
}

/** Returns the number of the last migration in the file itself, without its log; 0: it contains no store. */
export function migrationInFile(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    const file = descriptorOf(path);
    return isStoreFile(file) ? migrationOf(versionInFile(file) ?? 0) : 0;
  } catch (error) {
    throw explainError(error, path);
  }
}

/**
 * Brings the database to the latest migration, in one transaction. If two processes start at once, one migrates; the
 * other waits and finds nothing to do.
 *
 * @param files the migrations of this version of the program
 * @throws if a newer version of the program has migrated the database
 */
export function migrate(database: DatabaseSync, files = migrations): void {
  if (currentMigration(database) === files.length) return;
  checkMigrationKnown(currentMigration(database), files.length);
  markInUse(database);
  // A migration may recreate a table that others refer to. `foreign_key_check` finds references that it broke.
  database.exec('PRAGMA foreign_keys = OFF');
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(database);
    checkMigrationKnown(migrationOf(version), files.length);
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
