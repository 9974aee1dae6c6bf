import type { OpenOptions } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { createTestDatabase, isPresent, markAsTestStore, testStoreUrlOf } from '../store/test-store.ts';
import type { Config } from './config.ts';
import { openNamedStore } from './store.ts';

/** Where test data are configured. */
export type TestStoreConfig = Pick<Config, 'databaseUrl' | 'testStoreUrl' | 'databaseConnections'>;

/** Maximum number of connections to PostgreSQL for test data. */
const maxTestConnections = 4;

/** Name of the store, for messages. */
const name = 'the store of test data (TEST_STORE)';

/**
 * Opens the store of test data. Creates it if it is missing, and migrates it.
 *
 * @throws if that fails, with a message that states the remedy
 */
export async function openTestStore(config: TestStoreConfig, options: OpenOptions = {}): Promise<Store> {
  const url = await urlOf(config);
  await createTestDatabase(url, config.databaseUrl);
  return openMarked(url, config, options);
}

/** Opens the store of test data as `openTestStore` does; undefined: there is none. */
export async function openTestStoreIfPresent(config: TestStoreConfig): Promise<Store | undefined> {
  const url = await urlOf(config);
  return (await isPresent(url)) ? openMarked(url, config, {}) : undefined;
}

async function urlOf({ databaseUrl, testStoreUrl }: TestStoreConfig): Promise<string> {
  return testStoreUrl ?? (await testStoreUrlOf(databaseUrl));
}

async function openMarked(
  url: string,
  { databaseConnections }: TestStoreConfig,
  options: OpenOptions,
): Promise<Store> {
  const connections = Math.min(databaseConnections, maxTestConnections);
  const store = await openNamedStore(name, url, { connections, ...options, schema: 'prepare' });
  try {
    await markAsTestStore(store, 'The store in TEST_STORE');
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
