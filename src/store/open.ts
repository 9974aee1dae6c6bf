import { openSqliteStore } from './sqlite/sqlite-store.ts';
import type { Store } from './store.ts';

const sqliteScheme = 'sqlite:';

/** Whether `url` names a store that can be opened. */
export function isStoreUrl(url: string): boolean {
  return url.startsWith(sqliteScheme) && url.length > sqliteScheme.length;
}

/**
 * Opens the store that DATABASE_URL names, and brings its tables up to date.
 *
 * @param url `sqlite:` and a file, taken from the working directory, or `sqlite::memory:`
 */
export function openStore(url: string): Store {
  return openSqliteStore(url.slice(sqliteScheme.length));
}
