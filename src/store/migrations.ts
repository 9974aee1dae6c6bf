import { readdirSync } from 'node:fs';
import { UserError } from '../errors/user-error.ts';

/** Returns the migrations in a directory, in order: SQL files numbered from 001. */
export function migrationsIn(directory: URL): readonly URL[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => new URL(name, directory));
}

/**
 * What opening a store may do to its tables.
 *
 * - `prepare`: creates them, or migrates them to this version of the program.
 * - `migrate`: migrates them. The store must exist, unless it is in memory.
 * - `require`: nothing. The store must exist, and this version must have migrated it.
 */
export type Schema = 'prepare' | 'migrate' | 'require';

/** The numbers of the last migrations of a store and of this version of the program. */
export interface Migrations {
  /** 0: there is no store. */
  current: number;
  latest: number;
}

/**
 * Checks that a store can be used without creating or migrating it.
 *
 * @param store its file or database, for the message
 * @param current number of its last migration; 0: there is no store
 * @param known number of the last migration of this version
 * @throws {MissingStore} if there is no store
 * @throws {UserError} if an older version has migrated it
 * @throws if a newer version has migrated it
 */
export function requireMigrated(store: string, current: number, known: number): void {
  if (current === 0) throw new MissingStore(`${store} contains no store.`, wrongDatabase);
  checkMigrationKnown(current, known);
  if (current === known) return;
  throw new UserError(
    `${store} has migration ${current}, and this version needs migration ${known}. Run \`leads store migrate\`, or use the \`leads\` command of the version that the servers run.`,
  );
}

const wrongDatabase =
  'Otherwise, its URL (DATABASE_URL) leads to another database than that of the store, or the store was not restored yet.';

/**
 * There is no store. The volume of an existing store may not be mounted, so the program creates a store only if the
 * operator allows it.
 */
export class MissingStore extends UserError {
  /** What was found in its place, as a sentence. */
  readonly finding: string;

  /** @param otherwise what the reason is if the store exists, as a sentence */
  constructor(
    finding: string,
    otherwise = 'Otherwise, its URL (DATABASE_URL) is wrong, or its volume is not mounted.',
  ) {
    super(`${finding} If this is a new installation, run \`leads store create\`. ${otherwise}`);
    this.finding = finding;
  }
}

/** Returns the error for a file that does not exist. */
export function missingFile(path: string): MissingStore {
  return new MissingStore(`The store ${path} does not exist.`);
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
