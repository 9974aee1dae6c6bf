import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../errors/user-error.ts';
import type { Actor } from './audit.ts';
import type { HeldCount } from './held-leads.ts';
import { type Migrations, missingFile, type Schema } from './migrations.ts';
import type { StoreObserver } from './observer.ts';
import type { BackupSummary } from './sqlite/file/backup-check.ts';
import type { KeptStore, Replacement } from './sqlite/file/replacement.ts';
import type { Store } from './store.ts';
import { fileOf, isInMemory, isPostgres, sqlitePathOf } from './store-url.ts';

/** How to open a store. */
export interface OpenOptions {
  /** Maximum number of connections to PostgreSQL. */
  connections?: number;
  observer?: StoreObserver;
  /** Default: `prepare`. */
  schema?: Schema;
}

/**
 * Opens a store.
 *
 * @param url `sqlite:` and a file, relative to the working directory, or `sqlite::memory:`; or
 *   `postgres://user:password@host:port/database`
 * @throws if the store cannot be opened, created or migrated, with a message that states the remedy
 */
export async function openStore(
  url: string,
  { connections, observer, schema }: OpenOptions = {},
): Promise<Store> {
  // Imported on demand, because loading a driver takes time.
  if (isPostgres(url)) {
    const { openPostgresStore } = await import('./postgres/postgres-store.ts');
    return openPostgresStore(url, connections === undefined ? {} : { connections }, observer, schema);
  }
  const { openSqliteStore } = await import('./sqlite/sqlite-store.ts');
  return openSqliteStore(sqlitePathOf(url), undefined, observer, schema);
}

/** Returns how far a store is migrated, without changing it. */
export async function migrationsOf(url: string): Promise<Migrations> {
  if (isPostgres(url)) {
    const { postgresMigrations } = await import('./postgres/postgres-store.ts');
    return postgresMigrations(url);
  }
  const { latestMigration, migrationInFile } = await import('./sqlite/file/migrate.ts');
  return { current: migrationInFile(fileOf(url)), latest: latestMigration };
}

/**
 * Rebuilds the indexes of a store, which no other process may use. If its log is lost, also pauses all delivery and
 * holds the scheduled leads.
 *
 * @param now milliseconds since 1970
 * @param actor who repairs it, for the audit log
 * @returns how many leads are held; undefined: the log is not lost
 * @throws {UserError} if there is no such file, and for PostgreSQL, which recovers by itself
 */
export async function repairStore(url: string, now: number, actor: Actor): Promise<HeldCount | undefined> {
  if (isPostgres(url)) {
    throw new UserError(
      'PostgreSQL recovers by itself. Rebuild a damaged index with REINDEX, or restore a backup.',
    );
  }
  const file = fileOf(url);
  if (!existsSync(file)) throw missingFile(file);
  const { repairSqliteStore } = await import('./sqlite/repair.ts');
  return repairSqliteStore(file, now, actor);
}

export type { BackupSummary, KeptStore };

/** A backup of an SQLite store, and the store in whose place it is put. */
export interface BackupToRestore {
  /** Path of the store's file. */
  path: string;
  /** Whether there is a file at that path. */
  isReplacement: boolean;
  /** Number of this version's last migration. */
  latestMigration: number;
  summary: BackupSummary;
  /** Puts the backup in place. @throws {UserError} if another process uses the store */
  restore(
    restoredAt: number,
    actor: Actor,
    prepare: (store: Store) => Promise<void>,
  ): Promise<Replacement<HeldCount>>;
}

/**
 * Checks a backup before it replaces a store. The store may be missing or damaged.
 *
 * @param url of the store
 * @param file path of the backup
 * @param now milliseconds since 1970
 * @throws {UserError} if the file is not an intact backup, or the store is not in an SQLite file
 */
export async function backupToRestore(url: string, file: string, now: number): Promise<BackupToRestore> {
  if (isPostgres(url)) {
    throw new UserError(
      'The store is in PostgreSQL. Restore it with pg_restore, then run `leads store mark-restored` before you start a server (docs/operating/backup-and-restore.md).',
    );
  }
  if (isInMemory(url)) {
    throw new UserError('The store is in memory. Set DATABASE_URL to the file that the backup replaces.');
  }
  const path = fileOf(url);
  if (existsSync(file) && realpathSync(file) === path) {
    throw new UserError(`${file} is the store itself. Pass the path of a backup.`);
  }
  const { latestMigration } = await import('./sqlite/file/migrate.ts');
  const { checkBackup } = await import('./sqlite/file/backup-check.ts');
  const { restoreSqliteStore } = await import('./sqlite/restore.ts');
  return {
    path,
    isReplacement: existsSync(path),
    latestMigration,
    summary: checkBackup(file, now),
    restore: (restoredAt, actor, prepare) =>
      restoreSqliteStore(path, file, { backup: basename(file), restoredAt }, actor, prepare),
  };
}
