import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../errors/user-error.ts';
import type { StoreKeyRecords } from '../store/keys/store-key-records.ts';
import { StoreKeys } from '../store/keys/store-keys.ts';
import { fileOfUrl } from '../store/store-url.ts';
import type { Config } from './config.ts';

/** Where the keys of a store are configured. */
export type StoreKeyConfig = Pick<Config, 'databaseUrl' | 'storeKey' | 'storeKeyFile'>;

/** The keys of a store, or why there are none. */
export type LoadedKeys = {
  /** Where the keys belong: the path of a file, or the name of a variable. */
  place: string;
  /** Ids of the keys that the store was used with, oldest first. */
  recorded: readonly string[];
} & ({ keys: StoreKeys; problem: string | undefined } | { keys: undefined; problem: string });

/**
 * Loads the keys of a store from STORE_KEY, STORE_KEY_FILE or the file next to an SQLite store, which it creates if the
 * store has never had a key, and lets the store use them. Without keys, everything else works: the caller reports the
 * problem.
 *
 * @throws {UserError} if the variable or the file contains no valid key, or the file cannot be read
 */
export async function loadStoreKeys(config: StoreKeyConfig, store: StoreKeyRecords): Promise<LoadedKeys> {
  const recorded = await store.storeKeyIds();
  const keys = readKeys(config, recorded.length === 0);
  const place = placeOf(config);
  if (keys === undefined) return { place, recorded, keys, problem: describeMissing(config, recorded) };
  const unknown = recorded.filter((id) => keys.byId(id) === undefined);
  if (recorded.length > 0 && unknown.length === recorded.length) {
    return {
      place,
      recorded,
      keys: undefined,
      problem: `The key in ${place} is not a key of this store, whose key has the id ${recorded.join(', ')}. ${effectOfMissing} Write the right key to it, or set STORE_KEY_FILE to the path of its file. ${ifLost(recorded)}`,
    };
  }
  if (!recorded.includes(keys.current.id)) await store.recordStoreKey(keys.current.id);
  store.useKeys(keys);
  const problem =
    unknown.length === 0
      ? undefined
      : `${place} does not contain the earlier key with the id ${unknown.join(', ')}. Evidence that was protected with it cannot be verified, and people who were erased with it are not recognised. Add it after the current key.`;
  return { place, recorded, keys, problem };
}

/**
 * Checks that people of whom the store has only digests are recognised before a lead is accepted or delivered.
 *
 * @throws {UserError} if there are digests and their key is missing
 */
export async function requireKeysOfDigests(
  store: StoreKeyRecords,
  { keys, recorded, problem }: LoadedKeys,
): Promise<void> {
  if (keys !== undefined || recorded.length === 0 || !(await store.hasDigests())) return;
  throw new UserError(
    `${problem} The store contains digests of people who objected or were called: without the key, they could be called again, so nothing is accepted or delivered.`,
  );
}

/** What does not work while the key of a store is missing. */
const effectOfMissing =
  'Until it is back, no evidence is added to its chain or removed, nobody can be erased, and people of whom the store has only digests are not recognised.';

function ifLost(recorded: readonly string[]): string {
  return `If it is lost, run \`leads store forget-key ${recorded.join(' ')}\`, which describes what is lost with it.`;
}

/** Returns the keys; undefined: there are none. @param mayCreate whether a missing file can be created */
function readKeys(config: StoreKeyConfig, mayCreate: boolean): StoreKeys | undefined {
  if (config.storeKey !== undefined) return StoreKeys.parse(config.storeKey, 'STORE_KEY');
  if (config.databaseUrl === 'sqlite::memory:' && config.storeKeyFile === undefined) {
    return StoreKeys.parse(StoreKeys.generate(), 'The generated key');
  }
  const file = fileOfKeys(config);
  if (file === undefined) return undefined;
  if (!existsSync(file)) {
    // A file that was named may be on a volume that is not mounted.
    if (!mayCreate || config.storeKeyFile !== undefined) return undefined;
    createKeyFile(file, config);
  }
  return StoreKeys.parse(readKeyFile(file), file);
}

/** Returns the path of the file with the keys; undefined: PostgreSQL has no default file. */
function fileOfKeys({ databaseUrl, storeKeyFile }: StoreKeyConfig): string | undefined {
  if (storeKeyFile !== undefined) return storeKeyFile;
  const database = fileOfUrl(databaseUrl);
  return database === undefined ? undefined : `${database}.key`;
}

function placeOf(config: StoreKeyConfig): string {
  return config.storeKey === undefined ? (fileOfKeys(config) ?? 'STORE_KEY_FILE') : 'STORE_KEY';
}

function describeMissing(config: StoreKeyConfig, recorded: readonly string[]): string {
  const file = fileOfKeys(config);
  if (recorded.length > 0) {
    const what =
      file === undefined
        ? `The key of the store (id ${recorded.join(', ')}) is missing, because STORE_KEY_FILE is not set. ${effectOfMissing} Set STORE_KEY_FILE to the path of the file with the key, on every server and for every command.`
        : `The file ${file} with the key of the store (id ${recorded.join(', ')}) is missing. ${effectOfMissing} Restore it from your backup of the key, or set STORE_KEY_FILE to its path.`;
    return `${what} ${ifLost(recorded)}`;
  }
  const effect =
    'Evidence is stored without protection against changes, nobody can be erased, and people of whom the store has only digests are not recognised.';
  if (file === undefined) {
    return `The store has no key. ${effect} Write the output of \`openssl rand -hex 32\` to a file, and set STORE_KEY_FILE to its path on every server and for every command.`;
  }
  return `The file ${file} with the key of the store is missing. ${effect} Write the output of \`openssl rand -hex 32\` to it.`;
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `The file ${file} with the key of the store cannot be read: ${reason}. Only the user that runs the server must be able to read it.`,
    );
  }
}

/**
 * Creates the file with a new key, readable only by the owner of the database. Has no effect if another process has
 * just created it: the file appears with its content.
 */
function createKeyFile(file: string, { databaseUrl }: StoreKeyConfig): void {
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(descriptor, `${StoreKeys.generate()}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    giveToOwnerOf(fileOfUrl(databaseUrl), temporary);
    linkSync(temporary, file);
    syncDirectory(dirname(file));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Lets the server read a file that a command creates as root. */
function giveToOwnerOf(database: string | undefined, file: string): void {
  if (process.getuid?.() !== 0 || database === undefined) return;
  const { uid, gid } = statSync(database);
  chownSync(file, uid, gid);
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
