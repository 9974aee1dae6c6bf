import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../errors/user-error.ts';
import type { StoreObserver } from './observer.ts';
import type { Store } from './store.ts';

const sqliteScheme = 'sqlite:';
const postgresScheme = /^postgres(ql)?:\/\//;

/** Returns whether a URL is that of a store. */
export function isStoreUrl(url: string): boolean {
  if (url.startsWith(sqliteScheme)) return url.length > sqliteScheme.length;
  return isPostgres(url) && url.replace(postgresScheme, '') !== '' && URL.canParse(url);
}

/**
 * Opens a store and migrates it.
 *
 * @param url `sqlite:` and a file, relative to the working directory, or `sqlite::memory:`; or
 *   `postgres://user:password@host:port/database`
 * @param connections maximum number of connections to PostgreSQL
 * @throws if the store cannot be opened or migrated, with a message that states the remedy
 */
export async function openStore(url: string, connections?: number, observer?: StoreObserver): Promise<Store> {
  // Imported on demand, because loading a driver takes time.
  if (isPostgres(url)) {
    const { openPostgresStore } = await import('./postgres/postgres-store.ts');
    return openPostgresStore(url, connections === undefined ? {} : { connections }, observer);
  }
  const { openSqliteStore } = await import('./sqlite/sqlite-store.ts');
  return openSqliteStore(url.slice(sqliteScheme.length), undefined, observer);
}

/**
 * Repairs a store whose file was not closed and whose log is lost, and rebuilds its indexes. No other process may use
 * it.
 *
 * @throws {UserError} for PostgreSQL, which recovers by itself
 */
export async function repairStore(url: string): Promise<void> {
  if (isPostgres(url)) {
    throw new UserError(
      'PostgreSQL recovers by itself. Rebuild a damaged index with REINDEX, or restore a backup.',
    );
  }
  const { repairSqliteStore } = await import('./sqlite/file/repair.ts');
  repairSqliteStore(url.slice(sqliteScheme.length));
}

/** Returns whether two URLs are equal, or lead to the same SQLite file. */
export function isSameStore(one: string, other: string): boolean {
  return one === other || (!isPostgres(one) && !isPostgres(other) && fileOf(one) === fileOf(other));
}

/** Returns whether a URL leads to an SQLite file that does not exist, which `openStore` would create. */
export function isMissing(url: string): boolean {
  return !isPostgres(url) && !existsSync(fileOf(url));
}

/** Returns the absolute path of an SQLite file, with symbolic links resolved. */
function fileOf(url: string): string {
  const file = resolve(url.slice(sqliteScheme.length));
  return existsSync(file) ? realpathSync(file) : file;
}

/** Returns a store's URL without a password, for messages and logs. */
export function redactedUrl(url: string): string {
  if (!url.includes('//')) return url;
  // If a URL cannot be parsed, any part of it may be the password.
  if (!URL.canParse(url)) return `${url.slice(0, url.indexOf('//'))}//...`;
  const redacted = new URL(url);
  if (redacted.password !== '') redacted.password = '***';
  for (const name of passwordParameters(redacted)) redacted.searchParams.delete(name);
  return redacted.href;
}

/** Returns whether a URL contains a password, or may contain one because it cannot be parsed. */
export function hasPassword(url: string): boolean {
  if (!url.includes('//')) return false;
  if (!URL.canParse(url)) return /@|password/i.test(url);
  const parsed = new URL(url);
  return parsed.password !== '' || passwordParameters(parsed).length > 0;
}

/** Returns the names of parameters that contain a password: `password` and `sslpassword`. */
function passwordParameters({ searchParams }: URL): string[] {
  return [...searchParams.keys()].filter((name) => /password$/i.test(name));
}

function isPostgres(url: string): boolean {
  return postgresScheme.test(url);
}
