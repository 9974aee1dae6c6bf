/** The SQLite store survives power loss, a full disk, failed syncs and locks of other processes. */
import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { unobserved } from '../../../src/store/observer.ts';
import { CommitQueue, defaultLimits } from '../../../src/store/sqlite/durability/commit-queue.ts';
import { type Durability, inMemoryDurability } from '../../../src/store/sqlite/durability/durability.ts';
import { WriteAheadLog } from '../../../src/store/sqlite/durability/write-ahead-log.ts';
import { openDatabase } from '../../../src/store/sqlite/file/database.ts';
import { markInUse } from '../../../src/store/sqlite/file/lifecycle.ts';
import { latestMigration, migrate } from '../../../src/store/sqlite/file/migrate.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { start } from '../../harness/process.ts';
import { deliverDue, holdWriteLock, temporaryDirectory } from '../../harness/server.ts';
import { untilListening } from '../../harness/server-process.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { logResets } from './log-resets.ts';

function newDatabase(): { database: DatabaseSync; file: string } {
  const file = join(temporaryDirectory(), 'leads.db');
  const database = openDatabase(file);
  database.exec('CREATE TABLE note (text TEXT NOT NULL UNIQUE) STRICT');
  markInUse(database);
  return { database, file };
}

function notesIn(file: string): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  const notes = database.prepare('SELECT text FROM note ORDER BY rowid').all();
  database.close();
  return notes.map(({ text }) => String(text));
}

/** Counts the commits in the write-ahead log: the last frame of a commit contains the database's size. */
function commitsIn(file: string): number {
  const log = readFileSync(`${file}-wal`);
  const frame = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frame <= log.length; at += frame) if (log.readUInt32BE(at + 4) > 0) commits += 1;
  return commits;
}

/** Opens the log of a database. Both are closed after the test. */
function logOf(database: DatabaseSync): WriteAheadLog {
  const log = new WriteAheadLog(database, unobserved);
  onTestFinished(() => log.close());
  return log;
}

/** Returns a durability whose syncs the test resolves. */
function deferredDisk(database: DatabaseSync) {
  const syncs: PromiseWithResolvers<void>[] = [];
  const disk: Durability = {
    ...inMemoryDurability(database),
    sync() {
      const sync = Promise.withResolvers<void>();
      syncs.push(sync);
      return sync.promise;
    },
  };
  return { disk, syncs };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('neither a write nor a read resolves before the commit is synced', async () => {
  const { database } = newDatabase();
  const { disk, syncs } = deferredDisk(database);
  const queue = new CommitQueue(database, disk, defaultLimits);
  const settled: string[] = [];
  const write = queue
    .write(() => database.exec("INSERT INTO note VALUES ('saved')"))
    .then(() => settled.push('written'));
  await expect.poll(() => syncs.length).toBe(1);
  const read = queue.read(() => 'read').then((what) => settled.push(what));
  await tick();
  expect(settled).toEqual([]);
  syncs[0]?.resolve();
  await Promise.all([write, read]);
  expect(settled.toSorted()).toEqual(['read', 'written']);
  database.close();
});

test('commits writes that arrive during a sync together', async () => {
  const { database, file } = newDatabase();
  const { disk, syncs } = deferredDisk(database);
  const queue = new CommitQueue(database, disk, defaultLimits);
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  const writes = [queue.write(() => insert.run('first'))];
  await expect.poll(() => syncs.length).toBe(1);
  for (const note of ['second', 'third', 'fourth']) {
    writes.push(queue.write(() => insert.run(note)));
    await tick();
  }
  expect(notesIn(file)).toEqual(['first']);
  syncs[0]?.resolve();
  await expect.poll(() => syncs.length).toBe(2);
  syncs[1]?.resolve();
  await Promise.all(writes);
  expect(notesIn(file)).toEqual(['first', 'second', 'third', 'fourth']);
  database.close();
});

test('rejects writes with StoreUnavailable if the sync fails, and resets the log before the next commit', async () => {
  const { database, file } = newDatabase();
  const log = logOf(database);
  const queue = new CommitQueue(database, log, defaultLimits);
  const sync = vi.spyOn(log, 'sync');
  await queue.write(() => database.exec("INSERT INTO note VALUES ('before')"));
  vi.spyOn(fs, 'fdatasync').mockImplementationOnce((_file, end) => end(new Error('EIO')));
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  await expect(queue.write(() => database.exec("INSERT INTO note VALUES ('doubtful')"))).rejects.toThrow(
    StoreUnavailable,
  );
  expect(commitsIn(file)).toBeGreaterThan(1);
  await queue.write(() => database.exec("INSERT INTO note VALUES ('after')"));
  expect(sync).toHaveBeenCalledTimes(3);
  expect(commitsIn(file)).toBe(1);
  expect(notesIn(file)).toEqual(['before', 'doubtful', 'after']);
});

test('resets the log under constant load', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file);
  await store.addType('motor-trade', null);
  const { id: partnerId } = await store.addPartner('one', ['motor-trade']);
  let people = 0;
  const add = async () => {
    people += 1;
    const lead = { partnerId, type: 'motor-trade', mobile: mobileOf(people), delays: 0, content: '{}' };
    await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
  };
  const before = logResets(file);
  while (logResets(file) === before && people < 200_000) await Promise.all(Array.from({ length: 500 }, add));
  expect(logResets(file)).toBeGreaterThan(before);
  await store.close();
});

test('commits writes that arrive together in one commit', async () => {
  const { database, file } = newDatabase();
  const before = commitsIn(file);
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => queue.write(() => insert.run(`note ${index}`))),
  );
  expect(commitsIn(file) - before).toBe(1);
  expect(notesIn(file)).toHaveLength(100);
});

test('a write is in the file when its promise resolves', async () => {
  const { database, file } = newDatabase();
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  await queue.write(() => database.exec("INSERT INTO note VALUES ('saved')"));
  expect(notesIn(file)).toEqual(['saved']);
});

test('rolls back a failed write alone and commits the rest of its batch', async () => {
  const { database, file } = newDatabase();
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  const results = await Promise.allSettled([
    queue.write(() => insert.run('first')),
    queue.write(() => {
      insert.run('half of a write');
      insert.run('first');
    }),
    queue.write(() => insert.run('third')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(notesIn(file)).toEqual(['first', 'third']);
});

test('waits for the lock again if another process takes it while a failed write is rolled back', async () => {
  const { database, file } = newDatabase();
  const log = logOf(database);
  let begun = 0;
  const durability = Object.create(log, {
    begin: {
      value: () => {
        begun += 1;
        if (begun === 2) throw Object.assign(new Error('database is locked'), { errcode: 5 });
        log.begin();
      },
    },
    refusal: { get: () => log.refusal },
    sync: { value: (writes: number) => log.sync(writes) },
  });
  const queue = new CommitQueue(database, durability, defaultLimits);
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  const results = await Promise.allSettled([
    queue.write(() => insert.run('first')),
    queue.write(() => insert.run('first')),
    queue.write(() => insert.run('third')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(begun).toBe(3);
  expect(notesIn(file)).toEqual(['first', 'third']);
});

test('rejects the whole batch if COMMIT fails', async () => {
  const { database, file } = newDatabase();
  database.exec(`CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`);
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  const results = await Promise.allSettled([
    queue.write(() => database.exec("INSERT INTO note VALUES ('innocent')")),
    queue.write(() => database.exec('INSERT INTO child VALUES (1)')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(notesIn(file)).toEqual([]);
  await queue.write(() => database.exec("INSERT INTO note VALUES ('next')"));
  expect(notesIn(file)).toEqual(['next']);
});

test('rejects writes while the disk is full, keeps earlier ones, and recovers once there is space', async () => {
  const { database, file } = newDatabase();
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  const insert = database.prepare('INSERT INTO note VALUES (?)');
  await queue.write(() => insert.run('before'));
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  database.exec(`PRAGMA max_page_count = ${pages}`);
  const large = (letter: string) => queue.write(() => insert.run(letter.repeat(100_000)));
  const results = await Promise.allSettled([large('a'), large('b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(notesIn(file)).toEqual(['before']);
  database.exec('PRAGMA max_page_count = 1000000');
  await queue.write(() => insert.run('after'));
  expect(notesIn(file)).toEqual(['before', 'after']);
});

test('writes wait for the lock of another process without blocking the event loop', async () => {
  const { database, file } = newDatabase();
  database.exec('PRAGMA busy_timeout = 0');
  const log = logOf(database);
  const queue = new CommitQueue(database, log, defaultLimits);
  const attempts = vi.spyOn(log, 'begin');
  const lock = holdWriteLock(file);
  let written = false;
  const write = queue
    .write(() => database.exec("INSERT INTO note VALUES ('late')"))
    .then(() => {
      written = true;
    });
  await expect.poll(() => attempts.mock.results.length).toBeGreaterThan(3);
  expect(new Set(attempts.mock.results.map(({ type }) => type))).toEqual(new Set(['throw']));
  expect(written).toBe(false);
  lock.release();
  await write;
  expect(notesIn(file)).toEqual(['late']);
});

test('rejects writes that wait longer than the lock timeout, and commits later ones', async () => {
  const { database, file } = newDatabase();
  database.exec('PRAGMA busy_timeout = 0');
  const queue = new CommitQueue(database, logOf(database), { ...defaultLimits, lockTimeout: 50 });
  const lock = holdWriteLock(file);
  await expect(queue.write(() => undefined)).rejects.toThrow('database is locked');
  lock.release();
  await queue.write(() => database.exec("INSERT INTO note VALUES ('later')"));
  expect(notesIn(file)).toEqual(['later']);
});

test('rejects writes beyond the capacity at once, and commits the others', async () => {
  const { database, file } = newDatabase();
  const queue = new CommitQueue(database, logOf(database), { ...defaultLimits, capacity: 1 });
  const write = queue.write(() => database.exec("INSERT INTO note VALUES ('first')"));
  await expect(queue.write(() => undefined)).rejects.toThrow(
    new StoreUnavailable('The store queue is full; 1 store calls are waiting.'),
  );
  await write;
  expect(notesIn(file)).toEqual(['first']);
});

test('a stalled reader of a list does not prevent truncating the log', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  const mobile = '+447840258823';
  await store.submit(from(first.id, { mobile }));
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await deliverDue(store, 'rejected');
  await store.submit(from(first.id, { mobile }));
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await deliverDue(store, 'rejected');
  await Promise.all([5, 6].map((last) => store.submit(from(first.id, { mobile: `+44784025882${last}` }))));
  await store.addType('home', null);
  for (const id of ['one', 'other']) await store.addKey('first', id, id);
  const lists: Record<string, AsyncIterable<unknown>> = {
    leads: store.leads({}, 100),
    submissions: store.submissions({}, 100),
    attempts: store.attempts(mobile),
    dueLeads: store.dueLeads(100),
    types: store.types(),
    partners: store.partners(),
    keys: store.keys(undefined),
  };
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  for (const [name, list] of Object.entries(lists)) {
    const reader = list[Symbol.asyncIterator]();
    expect(await reader.next(), name).toMatchObject({ done: false });
    other.exec(`UPDATE lead_type SET created_at = created_at + 1`);
    expect({ name, ...other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() }).toMatchObject({
      name,
      busy: 0,
    });
    expect(await reader.next(), name).toMatchObject({ done: false });
  }
});

test('measures the lock timeout from the first failed attempt, not from an earlier lock', async () => {
  const { database, file } = newDatabase();
  database.exec('PRAGMA busy_timeout = 0');
  const queue = new CommitQueue(database, logOf(database), { ...defaultLimits, lockTimeout: 60_000 });
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  for (const [note, hour] of [
    ['first', 0],
    ['second', 1],
  ] as const) {
    clock.mockReturnValue(1 + hour * 3_600_000);
    const lock = holdWriteLock(file);
    const write = queue.write(() => database.exec(`INSERT INTO note VALUES ('${note}')`));
    // The queue reads the clock at each attempt.
    const attempts = clock.mock.calls.length + 3;
    await expect.poll(() => clock.mock.calls.length).toBeGreaterThan(attempts);
    lock.release();
    await write;
  }
  expect(notesIn(file)).toEqual(['first', 'second']);
});

test('writes nothing after a failed sync while a reader prevents resetting the log', async () => {
  const { database, file } = newDatabase();
  database.exec('PRAGMA busy_timeout = 0');
  const queue = new CommitQueue(database, logOf(database), defaultLimits);
  const insert = (note: string) => queue.write(() => database.exec(`INSERT INTO note VALUES ('${note}')`));
  await insert('before');
  const reader = new DatabaseSync(file);
  onTestFinished(() => reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM note').all();
  vi.spyOn(fs, 'fdatasync').mockImplementationOnce((_file, end) => end(new Error('EIO')));
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  await expect(insert('doubtful')).rejects.toThrow(StoreUnavailable);
  for (const note of ['one', 'two']) {
    const error = await insert(note).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(String(error)).toContain('prevents resetting the log');
  }
  expect(notesIn(file)).toEqual(['before', 'doubtful']);
  reader.exec('COMMIT');
  await insert('after');
  expect(notesIn(file)).toEqual(['before', 'doubtful', 'after']);
});

test('servers that start together on an empty file migrate it once', async () => {
  const file = join(temporaryDirectory(), 'new', 'leads.db');
  const environment = { DATABASE_URL: `sqlite:${file}`, PORT: '0' };
  const servers = Array.from({ length: 4 }, () => start('src/main.ts', [], environment));
  await Promise.all(servers.map((server) => untilListening(server, false)));
  const store = closeAfterTest(openSqliteStore(file));
  expect(await Array.fromAsync(store.partners())).toMatchObject([{ keys: 1 }]);
});

test('refuses a file that a newer version has migrated', () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const database = openDatabase(file);
  migrate(database);
  database.exec(`PRAGMA user_version = ${latestMigration + 1}`);
  database.close();
  expect(() => openSqliteStore(file)).toThrow(/a newer version has migrated it/);
});

test('refuses a database of another program', () => {
  const file = join(temporaryDirectory(), 'other.db');
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE theirs (id INTEGER)');
  other.close();
  expect(() => openSqliteStore(file)).toThrow(/is a database of another program/);
});

test('finds that a store is not empty while another process holds the write lock', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = closeAfterTest(openSqliteStore(file, { ...defaultLimits, lockTimeout: 1 }));
  await seeded(store);
  const lock = holdWriteLock(file);
  onTestFinished(() => lock.release());
  expect(await store.addFirstPartner('demo', 'motor-trade', 'key', 'digest')).toBe(false);
});

test('refuses a person who objected in the same commit, or in another process since the last one', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  const submit = (n: number) => store.submit(from(first.id, { mobile: mobileOf(n) }));
  const [earlier, , later] = await Promise.all([
    submit(1),
    store.addSuppressions([operatorEntry(mobileOf(2))]),
    submit(2),
  ]);
  expect([earlier.outcome, later.outcome]).toEqual(['accepted', 'do-not-call']);
  await store.removeSuppressions({ mobile: mobileOf(2) }, false);
  expect(await submit(2)).toMatchObject({ outcome: 'accepted' });

  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  const columns = 'mobile, type_id, source, source_id, objected_at, entered_at';
  other.exec(`INSERT INTO suppression (${columns}) VALUES ('${mobileOf(3)}', 0, 'operator', '', 1, 1)`);
  expect(await submit(3)).toMatchObject({ outcome: 'do-not-call' });
});
