import { existsSync } from 'node:fs';
import { UserError } from '../errors/user-error.ts';
import type { DirectoryCopies } from './directory-copy.ts';
import { migrationsOf } from './open.ts';
import type { SettingRecord, Settings } from './settings.ts';
import { fileOf, isInMemory, isPostgres } from './store-url.ts';

/** Returns the default URL of the test data of a store: a file or database next to it, or another store in memory. */
export async function testStoreUrlOf(url: string): Promise<string> {
  if (isInMemory(url)) return url;
  if (!isPostgres(url)) return url.replace(/(\.[^./]*)?$/, (extension) => `-test${extension}`);
  const { databaseNameOf } = await import('./postgres/connection/create-database.ts');
  const test = new URL(url);
  test.pathname = `/${encodeURIComponent(`${databaseNameOf(url)}_test`)}`;
  return test.href;
}

/** Returns whether there is a store at a URL. @throws if PostgreSQL cannot be reached */
export async function isPresent(url: string): Promise<boolean> {
  if (isInMemory(url)) return false;
  if (!isPostgres(url)) return existsSync(fileOf(url));
  const { databaseExists } = await import('./postgres/connection/create-database.ts');
  return (await databaseExists(url)) && (await migrationsOf(url)).current > 0;
}

/**
 * Creates the database of test data in PostgreSQL, unless it exists. Has no effect for an SQLite store.
 *
 * @param liveUrl URL of the store of live leads
 * @throws {UserError} if the role may not create databases
 */
export async function createTestDatabase(url: string, liveUrl: string): Promise<void> {
  if (!isPostgres(url)) return;
  const { createDatabase } = await import('./postgres/connection/create-database.ts');
  await createDatabase(url, isPostgres(liveUrl) ? liveUrl : url);
}

/** The setting that marks a store with test data. Its leads are never called, and live ones must not be added to it. */
const marker = { name: 'STORE_KIND', value: 'test' };

/** Returns whether a store contains test data. @param settings those that it has recorded */
export function isTestStore(settings: readonly SettingRecord[]): boolean {
  return settings.some(({ name, value }) => name === marker.name && value === marker.value);
}

/**
 * Marks an empty store as one with test data. Has no effect if it is marked already.
 *
 * @param name of the store, for the message
 * @throws {UserError} if it contains anything else: live leads would never be called, and would be removed
 */
export async function markAsTestStore(store: Settings & DirectoryCopies, name: string): Promise<void> {
  const settings = await store.settings();
  if (isTestStore(settings)) return;
  const { partners, types } = await store.directory();
  if (settings.length + partners.length + types.length > 0) {
    throw new UserError(
      `${name} is in use as a store of live leads, so it cannot contain test data. Set TEST_STORE to another store.`,
    );
  }
  await store.recordSettings({ [marker.name]: marker.value });
}
