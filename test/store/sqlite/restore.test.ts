/**
 * `leads store restore` replaces a store by a backup in one step, in which nothing can be delivered without an
 * operator.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { latestMigration } from '../../../src/store/sqlite/file/migrate.ts';
import { replaceStore } from '../../../src/store/sqlite/file/replacement.ts';
import { markedInUse, versionOf, withMigration } from '../../../src/store/sqlite/file/version.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { executeCli } from '../../harness/cli.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { type Finished, finished, spawnProgram, start } from '../../harness/process.ts';
import { cancel, claim, deliverDue, leadsIn, temporaryDirectory } from '../../harness/server.ts';
import { untilListening } from '../../harness/server-process.ts';
import { closeAfterTest, seeded } from '../stores.ts';

/**
 * Creates a store, a backup of it with a due, a delayed and a claimed lead, and what happened after the backup: the
 * first was delivered, the second cancelled, and a fourth added.
 */
async function storeWithBackup() {
  const file = join(temporaryDirectory(), 'data', 'leads.db');
  const backup = join(temporaryDirectory(), 'copy.db');
  const { store, first, from } = await seeded(openSqliteStore(file));
  const add = (person: number, delays = 0) =>
    store.submit(from(first.id, { mobile: mobileOf(person), delays }));
  await add(3);
  await claim(store, 'in flight');
  await add(1);
  await add(2, 3_600);
  await store.backup(backup);
  await deliverDue(store);
  await cancel(store, { partnerId: first.id, type: 'motor', mobile: mobileOf(2) });
  await add(4);
  return { file, backup, store, add: () => add(5) };
}

/** As `storeWithBackup`, closed. */
async function closedWithBackup() {
  const { file, backup, store } = await storeWithBackup();
  await store.close();
  return { file, backup };
}

const restore = (file: string, ...words: string[]): Promise<Finished> =>
  executeCli(['store', 'restore', ...words], { DATABASE_URL: `sqlite:${file}` });

/** Returns the state of each person's lead. */
async function statesIn(store: Store): Promise<Record<string, string>> {
  const leads = (await leadsIn(store)).map(({ mobile, state, mayHaveArrived }): [string, string] => [
    mobile,
    mayHaveArrived ? `${state}, may have arrived` : state,
  ]);
  return Object.fromEntries(leads.toSorted());
}

async function statesInFile(file: string): Promise<Record<string, string>> {
  const store = openSqliteStore(file);
  try {
    return await statesIn(store);
  } finally {
    await store.close();
  }
}

const statesBefore = {
  [mobileOf(1)]: 'dialled',
  [mobileOf(2)]: 'cancelled',
  [mobileOf(3)]: 'scheduled',
  [mobileOf(4)]: 'scheduled',
};
const statesRestored = {
  [mobileOf(1)]: 'held, may have arrived',
  [mobileOf(2)]: 'held',
  [mobileOf(3)]: 'held, may have arrived',
};

/** Asserts that a store is the restored one, and that nothing in it can be delivered. */
async function expectRestored(file: string): Promise<Store> {
  const store = closeAfterTest(openSqliteStore(file));
  expect(await statesIn(store)).toEqual(statesRestored);
  expect(await store.pauses()).toMatchObject([
    {
      type: undefined,
      by: 'operator',
      reason: expect.stringMatching(/^Restored from copy\.db at 2\S+Z\. Before you/),
    },
  ]);
  return store;
}

/** Returns the names of the files next to a store that are not its own. */
function namesNextTo(file: string): string[] {
  return readdirSync(dirname(file)).filter((name) => !/^leads\.db(-wal|-shm)?$/.test(name));
}

test('puts a backup in place, holds its scheduled leads, and keeps the replaced store with its mode', async () => {
  const { file, backup } = await closedWithBackup();
  chmodSync(file, 0o640);
  const { code, stdout, stderr } = await restore(file, backup, '--yes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const kept = /The replaced store is kept as (\S+)\. /.exec(stdout)?.[1] ?? '';
  expect(stdout).toMatch(/3 scheduled leads are held; 2 of them may have been delivered after the backup\./);
  await expectRestored(file);
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(namesNextTo(file)).toEqual([kept.replace(/^.*\//, '')]);
  expect(await statesInFile(kept)).toEqual(statesBefore);
});

test('restores a store whose machine was lost, for its owner only', async () => {
  const { backup } = await closedWithBackup();
  chmodSync(backup, 0o644);
  const file = join(temporaryDirectory(), 'new', 'data', 'leads.db');
  const { stdout } = await restore(file, backup, '--yes', '--json');
  const held = { held: 3, may_have_arrived: 2, held_already: 0 };
  expect(JSON.parse(stdout)).toEqual({ store: file, ...held, kept: null });
  await expectRestored(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(namesNextTo(file)).toEqual([]);
});

test('asks before it replaces a store, and with --dry-run only reports what it would do', async () => {
  const { file, backup } = await closedWithBackup();
  const unconfirmed = await restore(file, backup);
  expect(unconfirmed).toMatchObject({ code: 1, stdout: '' });
  expect(unconfirmed.stderr).toMatch(
    /3 scheduled leads would be held; 2 of them .* Pass --yes to confirm\.\n$/,
  );
  const dry = await restore(file, backup, '--dry-run', '--json');
  const held = { held: 3, may_have_arrived: 2, held_already: 0 };
  expect(JSON.parse(dry.stdout)).toEqual({ store: file, ...held, kept: null });
  expect(namesNextTo(file)).toEqual([]);
  expect(await statesInFile(file)).toEqual(statesBefore);
});

test('reports whether there is a store, how the backup ends and whether it is migrated', async () => {
  const { file, backup } = await closedWithBackup();
  const dryRun = async (...words: Parameters<typeof restore>) => (await restore(...words)).stdout;
  expect(await dryRun(file, backup, '--dry-run')).toMatch(
    /^The store \S+leads\.db would be replaced by \S+copy\.db, which ends at 2\S+Z\. Delivery/,
  );
  const missing = join(temporaryDirectory(), 'lead.db');
  expect(await dryRun(missing, backup, '--dry-run')).toMatch(
    /^There is no file \S+lead\.db\. It would be created from \S+copy\.db, which ends at 2\S+Z\. Delivery/,
  );
  const older = join(temporaryDirectory(), 'older.db');
  copyFileSync(new URL('../../fixtures/1.0.0/leads.db', import.meta.url), older);
  expect(await dryRun(file, older, '--dry-run')).toContain(
    `Z. The copy would be migrated from 1 to ${latestMigration}, so older versions could not use it. Delivery`,
  );
  const { store } = await seeded(openSqliteStore(join(temporaryDirectory(), 'empty.db')));
  const empty = join(temporaryDirectory(), 'copy.db');
  await store.backup(empty);
  await store.close();
  expect(await dryRun(file, empty, '--dry-run')).toContain(
    'copy.db, which contains no submissions. Delivery',
  );
});

test('counts the leads that are held since an earlier restore apart', async () => {
  const { file, backup } = await closedWithBackup();
  await restore(file, backup, '--yes');
  const store = openSqliteStore(file);
  const again = join(temporaryDirectory(), 'again.db');
  await store.backup(again);
  await store.close();
  const { stdout } = await restore(file, again, '--dry-run', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ held: 0, may_have_arrived: 0, held_already: 3 });
  const restored = await restore(file, again, '--yes');
  expect(restored.stdout).toContain(
    '0 of them may have been delivered after the backup. 3 leads were held already. Before',
  );
});

test('keeps a store under one name after a restore that was killed between its last two steps', async () => {
  const { file, backup } = await closedWithBackup();
  const second = `${file}.replaced-20261127T104208Z`;
  linkSync(file, second);
  const unrelated = `${file}.replaced-20251127T104208Z`;
  writeFileSync(unrelated, 'an earlier store');
  const { stdout } = await restore(file, backup, '--yes', '--json');
  const { kept } = JSON.parse(stdout);
  expect(namesNextTo(file).toSorted()).toEqual([unrelated, kept].map((path) => basename(path)).toSorted());
  expect(await statesInFile(kept)).toEqual(statesBefore);
});

test('migrates the copy of an older backup, and does not change the backup', async () => {
  const backup = join(temporaryDirectory(), 'copy.db');
  copyFileSync(new URL('../../fixtures/1.0.0/leads.db', import.meta.url), backup);
  const before = readFileSync(backup);
  const file = join(temporaryDirectory(), 'leads.db');
  const { stdout } = await restore(file, backup, '--yes', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ held: 2, may_have_arrived: 1 });
  expect(readFileSync(backup)).toEqual(before);
  expect(readdirSync(dirname(backup))).toEqual(['copy.db']);
  expect(Object.values(await statesInFile(file)).filter((state) => state.startsWith('held'))).toHaveLength(2);
});

test('refuses to replace a store that a process uses, which continues', async () => {
  const { file, backup, store, add } = await storeWithBackup();
  const refused = await restore(file, backup, '--yes');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^\S+leads\.db is in use, so it was not replaced\. Stop every server and command/,
  );
  expect(namesNextTo(file)).toEqual([]);
  expect(await add()).toMatchObject({ outcome: 'accepted' });
  expect(await statesIn(store)).toEqual({ ...statesBefore, [mobileOf(5)]: 'scheduled' });
  await store.close();
});

/** Changes the version in a file's header. */
function changeVersion(file: string, change: (version: number) => number): void {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA user_version = ${change(versionOf(database))}; PRAGMA journal_mode = DELETE`);
  database.close();
}

/** Overwrites the end of a file, which contains rows or indexes. */
function damage(file: string): void {
  const content = readFileSync(file);
  content.fill(0xff, content.length / 2);
  writeFileSync(file, content);
}

const unusable: [what: string, spoil: (backup: string) => void, reason: RegExp][] = [
  ['is missing', rmSync, /^The backup \S+ does not exist or is not a file\./],
  ['is not a store', (backup) => writeFileSync(backup, 'x'.repeat(8_192)), /is not a backup of a store\./],
  ['was copied while it was in use', (backup) => changeVersion(backup, markedInUse), /while it was in use/],
  ['is damaged', damage, /^The backup \S+ is damaged \(.+\)\. Use another backup\.\n$/],
  [
    'was made by a newer version',
    (backup) => changeVersion(backup, (version) => withMigration(version, latestMigration + 1)),
    /a newer version made it\. Run the `leads` command of that version\./,
  ],
];

test.each(unusable)('refuses a backup that %s, and changes nothing', async (_, spoil, reason) => {
  const { file, backup } = await closedWithBackup();
  spoil(backup);
  const { code, stderr } = await restore(file, backup, '--yes');
  expect(stderr).toMatch(reason);
  expect(code).toBe(1);
  expect(namesNextTo(file)).toEqual([]);
  expect(await statesInFile(file)).toEqual(statesBefore);
});

test('refuses the store itself, and a target that is another program’s, in memory or in PostgreSQL', async () => {
  const { file, backup } = await closedWithBackup();
  expect((await restore(file, file, '--yes')).stderr).toContain('is the store itself');
  const other = join(temporaryDirectory(), 'other.db');
  new DatabaseSync(other).exec('CREATE TABLE other (id)');
  expect((await restore(other, backup, '--yes')).stderr).toContain(
    'is a database of another program or version',
  );
  expect(namesNextTo(other)).toEqual(['other.db']);
  for (const [url, reason] of [
    ['sqlite::memory:', 'The store is in memory.'],
    ['postgres://leads@127.0.0.1:1/leads', 'then run `leads store mark-restored` before you start a server'],
  ] as const) {
    const { code, stderr } = await executeCli(['store', 'restore', backup, '--yes'], { DATABASE_URL: url });
    expect(code).toBe(1);
    expect(stderr).toContain(reason);
  }
});

describe('replaces a store that cannot be opened, and keeps its files', () => {
  test.each<[string, (file: string) => void, kept: RegExp[]]>([
    ['a damaged file', (file) => writeFileSync(file, 'x'.repeat(8_192)), [/^leads\.db\.replaced-\w+$/]],
    ['a file without its log', (file) => changeVersion(file, markedInUse), [/^leads\.db\.replaced-\w+$/]],
    [
      'a log without its file',
      (file) => {
        rmSync(file);
        writeFileSync(`${file}-wal`, 'log'.repeat(100));
      },
      [/^leads\.db\.replaced-\w+-wal$/],
    ],
  ])('%s', async (_, spoil, kept) => {
    const { file, backup } = await closedWithBackup();
    spoil(file);
    const { stdout, stderr } = await restore(file, backup, '--yes', '--json');
    expect(stderr).toBe('');
    expect(existsSync(JSON.parse(stdout).kept)).toBe(true);
    await expectRestored(file);
    const names = namesNextTo(file);
    expect(names).toHaveLength(kept.length);
    for (const [index, pattern] of kept.entries()) expect(names[index]).toMatch(pattern);
  });

  test('a log without its file, which it names', async () => {
    const { file, backup } = await closedWithBackup();
    rmSync(file);
    writeFileSync(`${file}-wal`, 'log'.repeat(100));
    const { stdout } = await restore(file, backup, '--yes');
    const [, log = ''] =
      /\. The file of the replaced store was missing; its log is kept as (\S+)\. Delivery/.exec(stdout) ?? [];
    expect(readFileSync(log, 'utf8')).toBe('log'.repeat(100));
  });

  test('a store that was killed, with the leads in its log', async () => {
    const { file, backup, store } = await storeWithBackup();
    const killed = join(temporaryDirectory(), 'leads.db');
    // In another process: closing a file here would release SQLite's locks.
    for (const suffix of ['', '-wal']) execFileSync('cp', [`${file}${suffix}`, `${killed}${suffix}`]);
    await store.close();
    const { stdout } = await restore(killed, backup, '--yes', '--json');
    await expectRestored(killed);
    expect(await statesInFile(JSON.parse(stdout).kept)).toEqual(statesBefore);
  });
});

test('leaves the store in place, and usable, if the copy cannot be prepared', async () => {
  const { file } = await closedWithBackup();
  const prepare = async (copy: string) => {
    writeFileSync(copy, 'half');
    throw new Error('The disk is full.');
  };
  await expect(replaceStore(file, prepare, Date.now())).rejects.toThrow('The disk is full.');
  expect(namesNextTo(file)).toEqual([]);
  expect(await statesInFile(file)).toEqual(statesBefore);
  rmSync(file);
  await expect(replaceStore(file, prepare, Date.now())).rejects.toThrow('The disk is full.');
  expect(statSync(file)).toMatchObject({ size: 0, mode: 0o100600 });
});

/** Returns whether a process has a file open. */
function hasOpen(pid: number | undefined, file: string): boolean {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).some((name) => {
    try {
      return readlinkSync(join(directory, name)) === file;
    } catch {
      // It was closed meanwhile.
      return false;
    }
  });
}

test.skipIf(!existsSync('/proc/self/fd')).each([['an existing store'], ['a missing store']])(
  'a server that starts while %s is replaced waits, and opens the restored one',
  async (which) => {
    const { file, backup } = await closedWithBackup();
    if (which === 'a missing store') rmSync(file);
    const restored = join(temporaryDirectory(), 'leads.db');
    await restore(restored, backup, '--yes');
    const environment = { DATABASE_URL: `sqlite:${file}`, PORT: '0', DISPATCH: 'off', BOOTSTRAP: 'off' };
    const { result: server } = await replaceStore(
      file,
      async (copy) => {
        const child = start('src/main.ts', [], environment);
        await expect.poll(() => hasOpen(child.pid, file), { timeout: 10_000, interval: 5 }).toBe(true);
        copyFileSync(restored, copy);
        return child;
      },
      Date.now(),
    );
    await untilListening(server, false);
    const ended = finished(server);
    server.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    const store = await expectRestored(file);
    // The server has recorded its settings in the restored store.
    expect(await store.settings()).not.toEqual([]);
  },
);

/**
 * Runs the command, and kills it at the n-th change in the directory of the store. Returns whether it was killed before
 * it ended.
 */
async function killAtChange(file: string, backup: string, number: number): Promise<boolean> {
  const child = spawnProgram('src/cli.ts', ['store', 'restore', backup, '--yes'], {
    DATABASE_URL: `sqlite:${file}`,
  });
  let changes = 0;
  const watcher = watch(dirname(file), () => {
    changes += 1;
    if (changes === number) child.kill('SIGKILL');
  });
  await finished(child);
  watcher.close();
  return child.signalCode === 'SIGKILL';
}

test('a restore that is killed leaves the old or the restored store, and can be run again', async () => {
  let kills = 0;
  for (let number = 1; ; number += 2) {
    const { file, backup } = await closedWithBackup();
    const isKilled = await killAtChange(file, backup, number);
    if (!isKilled) break;
    kills += 1;
    const states = await statesInFile(file);
    expect([statesBefore, statesRestored]).toContainEqual(states);
    const { code, stderr } = await restore(file, backup, '--yes');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expectRestored(file);
    expect(namesNextTo(file).filter((name) => !/^leads\.db\.replaced-\w+(-2)?$/.test(name))).toEqual([]);
  }
  expect(kills).toBeGreaterThan(5);
}, 180_000);
