import { type CountryCode, type ParsePhone, phoneParsers } from '../leads/phone.ts';
import { applyErasures, erasureId, missingErasures } from '../store/erase-person.ts';
import type { Erasure } from '../store/people.ts';
import type { Store } from '../store/store.ts';
import type { Config } from './config.ts';
import { type ErasureLog, erasureLogOf } from './erasure-log.ts';
import { type LoadedKeys, loadStoreKeys } from './store-keys.ts';

/** Maximum time to wait for attempts in flight before a person is erased (ms). */
const maxWaitForAttempts = 60_000;

/** Maximum time to wait for withdrawals, which VICIdial needs twice, before a person is erased (ms). */
export const maxWaitForDialler = 120_000;

/** What erasing people requires besides the store. */
export interface ErasureTools {
  /** Loads the keys of the store, and creates one for an SQLite store that never had a key. */
  loadKeys(): Promise<LoadedKeys>;
  /** Undefined: no file is configured. */
  log: ErasureLog | undefined;
  parsePhone: ParsePhone;
}

/** Returns what erasing people requires. @param defaultCountry that of the store's settings */
export function erasureTools(config: Config, store: Store, defaultCountry: CountryCode): ErasureTools {
  return {
    loadKeys: () => loadStoreKeys(config, store),
    log: erasureLogOf(config),
    parsePhone: phoneParsers(defaultCountry).parse,
  };
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
export async function synchroniseErasures(store: Store, tools: ErasureTools): Promise<SynchronisedErasures> {
  const { log } = tools;
  if (log === undefined) return { missing: 0, people: 0, withoutKey: 0 };
  const logged = log.read();
  const missing = await missingErasures(store, logged);
  const applied =
    missing.length === 0 ? { people: 0, withoutKey: 0 } : await applyMissing(store, tools, missing);
  const inLog = new Set(logged.map(erasureId));
  const recorded = await Array.fromAsync(store.erasures());
  log.append(recorded.filter((erasure) => !inLog.has(erasureId(erasure))));
  return { missing: missing.length, ...applied };
}

async function applyMissing(
  store: Store,
  { loadKeys, parsePhone }: ErasureTools,
  missing: readonly Erasure[],
): Promise<Omit<SynchronisedErasures, 'missing'>> {
  const { keys } = await loadKeys();
  const known = missing.filter(({ keyId }) => keys?.byId(keyId) !== undefined);
  const withoutKey = missing.length - known.length;
  if (keys === undefined || known.length === 0) return { people: 0, withoutKey };
  return { people: await applyErasures(store, parsePhone, keys, known, maxWaitForAttempts), withoutKey };
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
