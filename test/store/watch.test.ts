/** `leads watch` counts each submission and attempt once, however many there are. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { activityLimit, unsettledAttempts } from '../../src/store/watch.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest, seeded } from './stores.ts';

test('counts each attempt once while more are added than an activity counts again or reads', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  await store.submit(from(first.id));
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  const add = (count: number) =>
    database.exec(`WITH RECURSIVE number (value) AS (
        SELECT 1 WHERE ${count} > 0 UNION ALL SELECT value + 1 FROM number WHERE value < ${count})
      INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
      SELECT lead.id, 1, 2, iif(value % 3 = 0, 'rejected', 'delivered'), '' FROM number JOIN lead`);
  let { cursor } = await store.activity(undefined);
  let [added, counted] = [0, 0];
  for (const count of [3, unsettledAttempts, 1, activityLimit, 2 * activityLimit, 0, 0, 0, 7, 0]) {
    add(count);
    added += count;
    const activity = await store.activity(cursor);
    counted += activity.attempts.reduce((sum, each) => sum + each.count, 0);
    cursor = activity.cursor;
  }
  expect(counted).toBe(added);
});
