/**
 * An older server stops using the store as soon as a newer version has migrated it, and a migration is all or nothing.
 */
import { chmodSync, copyFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../src/store/sqlite/file/database.ts';
import { latestMigration, migrate, migrations } from '../../../src/store/sqlite/file/migrate.ts';
import { migrationOf, versionOf, withMigration } from '../../../src/store/sqlite/file/version.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { send } from '../../harness/client.ts';
import { operationIds } from '../../harness/contract.ts';
import { finished, spawnProgram } from '../../harness/process.ts';
import { startServer, temporaryDirectory } from '../../harness/server.ts';
import { newSubmission } from '../../harness/submissions.ts';
import { closeAfterTest } from '../stores.ts';

/** Migrates the store as a newer version would: one more migration, in one transaction. */
function migrateFurther(file: string): void {
  const newer = new DatabaseSync(file, { timeout: 5_000 });
  newer.exec('BEGIN IMMEDIATE; ALTER TABLE lead RENAME COLUMN trace TO trace_context');
  newer.exec(`PRAGMA user_version = ${withMigration(versionOf(newer), latestMigration + 1)}`);
  newer.exec('COMMIT');
  newer.close();
}

test('an older server neither writes nor claims once a newer version has migrated the store', async () => {
  const server = await startServer();
  const { store, file } = server;
  const counted = () => {
    const reader = new DatabaseSync(file, { readOnly: true });
    const row = reader
      .prepare('SELECT (SELECT count(*) FROM submission) AS submissions, checked_at FROM readiness')
      .get();
    reader.close();
    return row;
  };
  await store.checkReady();
  expect((await send(server, 'addLead')).status).toBe(200);
  const before = counted();
  migrateFurther(file);
  const reason = /A newer version has migrated the store .*leads\.db.*start the newer version/;
  for (const id of operationIds()) expect((await send(server, id)).status, id).toBe(503);
  const terms = { claim: 'c', limit: 1, lease: 1_000 };
  for (const refused of [
    store.claimDue(terms),
    store.checkReady(),
    store.submit(
      newSubmission({
        partnerId: 1,
        receivedAt: 1,
        type: 'motor-trade',
        mobile: '+447840258823',
        delays: 0,
        content: '{}',
      }),
    ),
  ]) {
    const error = await refused.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(String(error)).toMatch(reason);
  }
  expect(counted()).toEqual(before);
});

/** Creates a store of version 1.0.0 with more leads, and returns its file and a function that reads its content. */
function storeOfFirstVersion(leads: number) {
  const file = join(temporaryDirectory(), 'leads.db');
  copyFileSync(new URL('../../fixtures/1.0.0/leads.db', import.meta.url), file);
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file);
  database.exec(`
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${leads})
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
    SELECT 'lead-' || number, 1, '+44' || (7000000000 + number), 1, 'none', 'dialled', 1, 1, 1 FROM numbers`);
  database.close();
  const content = () => {
    const reader = new DatabaseSync(file, { readOnly: true });
    const schema = reader.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all();
    const rows = ['lead', 'submission', 'attempt', 'lead_count'].map((table) =>
      reader.prepare(`SELECT * FROM ${table} ORDER BY 1 DESC LIMIT 100`).all(),
    );
    const found = {
      migration: migrationOf(versionOf(reader)),
      integrity: reader.prepare('PRAGMA integrity_check').all(),
      schema,
      rows,
      foreignKeys: reader.prepare('PRAGMA foreign_key_check').all(),
    };
    reader.close();
    return found;
  };
  return { file, content };
}

test('a migration that fails leaves the store of version 1.0.0 as it was', async () => {
  const { file, content } = storeOfFirstVersion(10);
  const before = content();
  expect(before.migration).toBe(1);
  const failing = join(temporaryDirectory(), '003-failing.sql');
  writeFileSync(failing, 'SELECT no_such_column FROM lead');
  const database = openDatabase(file);
  expect(() => migrate(database, [...migrations, pathToFileURL(failing)])).toThrow('no_such_column');
  database.close();
  expect(content()).toEqual(before);
});

test('a migration that is killed leaves the store of version 1.0.0 as it was, and can be repeated', async () => {
  const { file, content } = storeOfFirstVersion(100_000);
  const before = content();
  const child = spawnProgram('src/cli.ts', ['store', 'migrate', '--yes'], { DATABASE_URL: `sqlite:${file}` });
  const watcher = watch(dirname(file), () => {
    // The log grows while the table is rewritten.
    const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (size > 2 ** 20) child.kill('SIGKILL');
  });
  await finished(child);
  watcher.close();
  expect(child.signalCode).toBe('SIGKILL');
  expect(content()).toEqual(before);
  const store = closeAfterTest(openSqliteStore(file));
  expect((await store.leadStats()).byState.dialled).toBe(100_001);
});
