import { UserError } from '../errors/user-error.ts';
import type { StoreObserver } from './observer.ts';
import type { Store } from './store.ts';

const sqliteScheme = 'sqlite:';
const postgresScheme = /^postgres(ql)?:\/\//;

/** Whether `url` names a store that can be opened. */
export function isStoreUrl(url: string): boolean {
  if (url.startsWith(sqliteScheme)) return url.length > sqliteScheme.length;
  return isPostgres(url) && url.replace(postgresScheme, '') !== '' && URL.canParse(url);
}

/**
 * Opens the store that DATABASE_URL names, and brings its tables up to date.
 *
 * @param url `sqlite:` and a file, taken from the working directory, or `sqlite::memory:`; or
 *   `postgres://user:password@host:port/database`
 * @param connections how many there may be to PostgreSQL at once
 */
export async function openStore(url: string, connections?: number, observer?: StoreObserver): Promise<Store> {
  // Each store is loaded only where it is used: its driver takes time to start.
  if (isPostgres(url)) {
    const { openPostgresStore } = await import('./postgres/postgres-store.ts');
    return openPostgresStore(url, connections === undefined ? {} : { connections }, observer);
  }
  const { openSqliteStore } = await import('./sqlite/sqlite-store.ts');
  return openSqliteStore(url.slice(sqliteScheme.length), undefined, observer);
}

/**
 * Goes on with a store whose file was not closed and whose log is lost, and rebuilds its indexes. Nothing else may use it.
 *
 * @throws {UserError} for PostgreSQL, which recovers by itself
 */
export async function repairStore(url: string): Promise<void> {
  if (isPostgres(url)) {
    throw new UserError(
      'PostgreSQL recovers by itself. Rebuild a damaged index by REINDEX, or restore a backup.',
    );
  }
  const { repairSqliteStore } = await import('./sqlite/file/repair.ts');
  repairSqliteStore(url.slice(sqliteScheme.length));
}

/** The store's URL as it may be shown and logged: without a password. */
export function shownUrl(url: string): string {
  if (!url.includes('//')) return url;
  // Of a URL that cannot be parsed, nobody knows which part is the password.
  if (!URL.canParse(url)) return `${url.slice(0, url.indexOf('//'))}//...`;
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of passwordsAmong(shown)) shown.searchParams.delete(name);
  return shown.href;
}

/** Whether a URL contains a password, or may do so since it cannot be parsed. */
export function hasPassword(url: string): boolean {
  if (!url.includes('//')) return false;
  if (!URL.canParse(url)) return /@|password/i.test(url);
  const parsed = new URL(url);
  return parsed.password !== '' || passwordsAmong(parsed).length > 0;
}

/** The names of parameters with a password: `password` and `sslpassword`. */
function passwordsAmong({ searchParams }: URL): string[] {
  return [...searchParams.keys()].filter((name) => /password$/i.test(name));
}

function isPostgres(url: string): boolean {
  return postgresScheme.test(url);
}
