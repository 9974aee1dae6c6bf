import { readdirSync } from 'node:fs';

/** Returns the migrations in a directory, in order: SQL files numbered from 001. */
export function migrationsIn(directory: URL): readonly URL[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => new URL(name, directory));
}

/**
 * Checks that this version of the program knows the last migration of a store.
 *
 * @param current number of that migration
 * @param known number of the last migration of this version
 * @throws if a newer version has migrated the store
 */
export function checkMigrationKnown(current: number, known: number): void {
  if (current <= known) return;
  throw new Error(
    `The store has migration ${current}, and this version knows migrations up to ${known}: a newer version has migrated it. Start that version, or restore a backup made before the migration.`,
  );
}
