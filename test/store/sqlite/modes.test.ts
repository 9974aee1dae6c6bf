/** The store's files contain personal data, and only the user that runs the server may read them. */
import fs, { chmodSync, readdirSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { killBackup } from './killed-backup.ts';

const usual = process.umask();
afterEach(() => void process.umask(usual));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test.each([0o000, 0o022, 0o077, 0o177])(
  'only the owner can read the file, its log, its index and a backup with the umask %o',
  async (umask) => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o777);
    process.umask(umask);
    const file = join(directory, 'leads.db');
    const { store } = await seeded(closeAfterTest(openSqliteStore(file)));
    const copy = join(directory, 'copy.db');
    await store.backup(copy);
    for (const path of [file, `${file}-wal`, `${file}-shm`, copy])
      expect([path, modeOf(path)]).toEqual([path, '600']);
  },
);

test('only the owner can read the directories of a new store', () => {
  process.umask(0);
  const directory = temporaryDirectory();
  closeAfterTest(openSqliteStore(join(directory, 'new', 'data', 'leads.db')));
  expect([modeOf(join(directory, 'new')), modeOf(join(directory, 'new', 'data'))]).toEqual(['700', '700']);
});

test('warns about files that others can read, with the command that fixes it', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  await openSqliteStore(file).close();
  chmodSync(file, 0o644);
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => void warned.mockRestore());
  closeAfterTest(openSqliteStore(file));
  expect(warned.mock.calls.flat().join()).toContain(`chmod 600 ${file}`);
});

/** Lists the files of a backup in a directory. */
const partsOf = (file: string) => readdirSync(dirname(file)).filter((name) => name.startsWith('copy.db'));

test('a failed backup leaves nothing behind', async () => {
  const { store } = await seeded(closeAfterTest(openSqliteStore(join(temporaryDirectory(), 'leads.db'))));
  const copy = join(temporaryDirectory(), 'copy.db');
  vi.spyOn(fs, 'renameSync').mockImplementationOnce(() => {
    throw new Error('The disk was pulled out.');
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  await expect(store.backup(copy)).rejects.toThrow('The disk was pulled out.');
  expect(partsOf(copy)).toEqual([]);
});

test('a killed backup leaves only a file that is recognisable as incomplete', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'leads.db');
  await openSqliteStore(file).close();
  const { signal, exists, names } = await killBackup(file, join(directory, 'backups'));
  expect({ signal, exists }).toEqual({ signal: 'SIGKILL', exists: false });
  expect(names).not.toEqual([]);
  for (const name of names) expect(name).toMatch(/^copy\.db\.incomplete-[0-9a-f]{8}/);
});
