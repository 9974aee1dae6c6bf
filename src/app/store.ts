import { UserError } from '../errors/user-error.ts';
import { type OpenOptions, openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';

/**
 * Opens the store in DATABASE_URL.
 *
 * @throws {UserError} as `openStore`
 * @throws {Error} naming the variable, because the cause may be its value
 */
export function openConfiguredStore(url: string, options: OpenOptions): Promise<Store> {
  return openNamedStore('the store in DATABASE_URL', url, options);
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
