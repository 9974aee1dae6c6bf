/** An older server stops using the store as soon as a newer version has migrated it. */
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { latestMigration } from '../../../src/store/sqlite/file/migrate.ts';
import { versionOf, withMigration } from '../../../src/store/sqlite/file/version.ts';
import { StoreUnavailable } from '../../../src/store/store.ts';
import { send } from '../../harness/client.ts';
import { operationIds } from '../../harness/contract.ts';
import { startServer } from '../../harness/server.ts';
import { newSubmission } from '../../harness/submissions.ts';

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
  const terms = { claim: 'c', limit: 1, lease: 1_000, earliestDueAt: 0 };
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
