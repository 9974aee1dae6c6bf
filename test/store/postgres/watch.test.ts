/** `leads watch` counts every attempt, although PostgreSQL commits them out of the order of their ids. */
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { openTransaction } from '../../harness/postgres.ts';
import { deliverDue } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

test('counts an attempt that is committed after attempts with later ids were counted', async () => {
  const url = await storeDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const { cursor } = await store.activity(undefined);
  const other = await openTransaction(url);
  await other.query(`INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
    VALUES ('lead', 1, 2, 'rejected', 'late')`);
  await store.submit(from(first.id));
  await deliverDue(store);
  const activity = await store.activity(cursor);
  expect(activity).toMatchObject({ attempts: [{ outcome: 'delivered', count: 1 }], failures: [] });
  await other.query('COMMIT');
  const next = await store.activity(activity.cursor);
  expect(next).toMatchObject({
    attempts: [{ outcome: 'rejected', count: 1 }],
    failures: [{ outcome: 'rejected', response: 'late' }],
  });
  expect(await store.activity(next.cursor)).toMatchObject({ attempts: [] });
});
