import { type CountryCode, type ParsePhone, phoneParsers } from '../leads/phone.ts';
import { applyErasures, keyOf, missingErasures } from '../store/erase-person.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config.ts';
import { type ErasureLog, erasureLogOf } from './erasure-log.ts';
import { type LoadedKeys, loadStoreKeys } from './store-keys.ts';

/** Maximum time to wait for attempts in flight before a person is erased (ms). */
export const maxWaitForAttempts = 60_000;

/** What erasing people requires besides the store. */
export interface ErasureTools {
  loadedKeys: LoadedKeys;
  /** Undefined: no file is configured. */
  log: ErasureLog | undefined;
  parsePhone: ParsePhone;
}

/** Loads what erasing people requires. @param defaultCountry that of the store's settings */
export async function erasureTools(
  config: Config,
  store: Store,
  defaultCountry: CountryCode,
): Promise<ErasureTools> {
  const loadedKeys = await loadStoreKeys(config, store);
  return { loadedKeys, log: erasureLogOf(config), parsePhone: phoneParsers(defaultCountry).parse };
}

/** What was done so that the store and the erasure log contain the same erasures. */
export interface SynchronisedErasures {
  /** Number of erasures that only the log contained, because the store is a copy from before. */
  missing: number;
  /** Number of people who were erased again. */
  people: number;
  /** Number of the missing erasures that were not applied, because their key is missing. */
  withoutKey: number;
}

/** Applies the erasures that only the log contains, and adds those to the log that only the store contains. */
export async function synchroniseErasures(
  store: Store,
  { loadedKeys: { keys }, log, parsePhone }: ErasureTools,
): Promise<SynchronisedErasures> {
  if (log === undefined) return { missing: 0, people: 0, withoutKey: 0 };
  const logged = log.read();
  const missing = await missingErasures(store, logged);
  const known = missing.filter(({ keyId }) => keys?.byId(keyId) !== undefined);
  const people =
    keys === undefined || known.length === 0
      ? 0
      : await applyErasures(store, parsePhone, keys, known, maxWaitForAttempts);
  const inLog = new Set(logged.map(keyOf));
  const recorded = await Array.fromAsync(store.erasures());
  log.append(recorded.filter((erasure) => !inLog.has(keyOf(erasure))));
  return { missing: missing.length, people, withoutKey: missing.length - known.length };
}

/** Describes what was done, for the log or an operator; undefined: nothing. */
export function describeSynchronised({
  missing,
  people,
  withoutKey,
}: SynchronisedErasures): string | undefined {
  if (missing === 0) return undefined;
  const applied = `The store is a copy from before ${missing} ${missing === 1 ? 'erasure' : 'erasures'}: ${people} ${people === 1 ? 'person was' : 'people were'} erased again.`;
  return withoutKey === 0
    ? applied
    : `${applied} ${withoutKey} of the erasures were not applied, because their key is missing (STORE_KEY_FILE).`;
}
