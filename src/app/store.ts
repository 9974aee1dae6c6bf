import { UserError } from '../errors/user-error.ts';
import { MissingStore } from '../store/migrations.ts';
import { type OpenOptions, openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config.ts';

/** Which store is configured. */
export type StoreConfig = Pick<Config, 'databaseUrl' | 'databaseConnections' | 'isDatabaseUrlDefault'>;

/**
 * Opens the store in DATABASE_URL.
 *
 * @throws {UserError} as `openStore`
 * @throws {Error} naming the variable, because the cause may be its value
 */
export async function openConfiguredStore(
  { databaseUrl, databaseConnections: connections, isDatabaseUrlDefault }: StoreConfig,
  options: OpenOptions,
): Promise<Store> {
  try {
    return await openNamedStore('the store in DATABASE_URL', databaseUrl, { connections, ...options });
  } catch (error) {
    if (!isDatabaseUrlDefault || !(error instanceof MissingStore)) throw error;
    throw new UserError(
      `${error.finding} DATABASE_URL is not set, and this is its default. Set DATABASE_URL to the store or, if this is a new installation, run \`leads store create\`.`,
    );
  }
}

/**
 * Opens a store.
 *
 * @param name of the store, for errors
 * @throws {UserError} as `openStore`
 * @throws {Error} with the name, because the cause may be the URL
 */
export async function openNamedStore(name: string, url: string, options: OpenOptions): Promise<Store> {
  try {
    return await openStore(url, options);
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw new Error(`${name} cannot be opened. ${error.message}`, { cause: error });
  }
}
