/** The key of a store: where it comes from, and what happens without it. */
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadStoreKeys, requireKeysOfDigests } from '../../src/app/store-keys.ts';
import { StoreKeys } from '../../src/store/keys/store-keys.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../harness/server.ts';

const secret = 'ab'.repeat(32);
const other = 'cd'.repeat(32);

function openStore() {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file);
  onTestFinished(() => store.close());
  const config = { databaseUrl: `sqlite:${file}`, storeKey: undefined, storeKeyFile: undefined };
  return { store, config, keyFile: `${file}.key` };
}

test('creates a key next to an SQLite store, readable only by its owner, and uses it from then on', async () => {
  const { store, config, keyFile } = openStore();
  const first = await loadStoreKeys(config, store);
  expect(first.problem).toBeUndefined();
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  const again = await loadStoreKeys(config, store);
  expect(again.keys?.ids).toEqual(first.keys?.ids);
  expect(await store.storeKeyIds()).toEqual(first.keys?.ids);
  expect(readFileSync(keyFile, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
});

test('two processes that start at once use the same key', async () => {
  const { store, config } = openStore();
  const [one, two] = await Promise.all([loadStoreKeys(config, store), loadStoreKeys(config, store)]);
  expect(one.keys?.ids).toEqual(two.keys?.ids);
});

test('a store whose key is missing gets no other key, and the problem names the file and the id', async () => {
  const { store, config, keyFile } = openStore();
  const { keys } = await loadStoreKeys(config, store);
  rmSync(keyFile);
  const lost = await loadStoreKeys(config, store);
  expect(lost.keys).toBeUndefined();
  expect(lost.problem).toContain(`${keyFile} with the key of the store (id ${keys?.current.id}) is missing`);
  expect(existsSync(keyFile)).toBe(false);
});

test('a key of another store is not used', async () => {
  const { store, config, keyFile } = openStore();
  writeFileSync(keyFile, `${secret}\n`);
  await loadStoreKeys(config, store);
  writeFileSync(keyFile, `${other}\n`);
  const wrong = await loadStoreKeys(config, store);
  expect(wrong.keys).toBeUndefined();
  expect(wrong.problem).toContain('is not a key of this store');
});

test('a key is rotated by a line before it, and the earlier key is still known', async () => {
  const { store, config, keyFile } = openStore();
  writeFileSync(keyFile, `${secret}\n`);
  const before = await loadStoreKeys(config, store);
  writeFileSync(keyFile, `# current\n${other}\n# earlier\n${secret}\n`);
  const after = await loadStoreKeys(config, store);
  expect(after.problem).toBeUndefined();
  expect(after.keys?.ids).toEqual([StoreKeys.parse(other, '').current.id, before.keys?.current.id]);
  expect(await store.storeKeyIds()).toEqual(after.keys?.ids.toReversed());

  writeFileSync(keyFile, other);
  const incomplete = await loadStoreKeys(config, store);
  expect(incomplete.keys?.current.id).toBe(after.keys?.current.id);
  expect(incomplete.problem).toContain(
    `does not contain the earlier key with the id ${before.keys?.current.id}`,
  );
});

test('a store with digests is not used without its key', async () => {
  const { store, config, keyFile } = openStore();
  await loadStoreKeys(config, store);
  rmSync(keyFile);
  const lost = await loadStoreKeys(config, store);
  await requireKeysOfDigests(store, lost);
  vi.spyOn(store, 'hasDigests').mockResolvedValue(true);
  await expect(requireKeysOfDigests(store, lost)).rejects.toThrow(/is missing.*could be called again/);
});

test('STORE_KEY takes precedence, and PostgreSQL without a key has none', async () => {
  const { store, config, keyFile } = openStore();
  const { keys } = await loadStoreKeys({ ...config, storeKey: secret }, store);
  expect(keys?.ids).toEqual([StoreKeys.parse(secret, '').current.id]);
  expect(existsSync(keyFile)).toBe(false);
  const postgres = await loadStoreKeys({ ...config, databaseUrl: 'postgres://localhost/leads' }, store);
  expect(postgres).toMatchObject({ keys: undefined, problem: expect.stringContaining('STORE_KEY_FILE') });
});

test('an invalid or unreadable key is an error that does not repeat it', async () => {
  const { store, config, keyFile } = openStore();
  writeFileSync(keyFile, 'not-a-key');
  await expect(loadStoreKeys(config, store)).rejects.toThrow(
    /contains no valid key of the store.(?!.*not-a)/,
  );
  if (process.getuid?.() === 0) return;
  chmodSync(keyFile, 0);
  await expect(loadStoreKeys(config, store)).rejects.toThrow('cannot be read');
});

test('the keys of the two purposes, and of two stores, differ', () => {
  const { current } = StoreKeys.parse(secret, '');
  expect(current.evidenceMac('+447840258823')).not.toBe(current.personDigest('+447840258823'));
  expect(StoreKeys.parse(other, '').current.personDigest('+447840258823')).not.toBe(
    current.personDigest('+447840258823'),
  );
  expect(current.personDigest('+447840258823')).toMatch(/^[\w-]{43}$/);
});
