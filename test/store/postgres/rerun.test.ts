/**
 * A re-run and a cancellation of the same person at the same time have one of two results: no lead, or a cancelled
 * lead. A submission that is re-run is not pruned.
 */
import { expect, test } from 'vitest';
import { CancelledLater } from '../../../src/store/cancelled-later.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { openTransaction, statementsWaitingForLocks } from '../../harness/postgres.ts';
import { cancel, claim, leadsIn } from '../../harness/server.ts';
import { afterAllRows } from '../clock.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };

/** Waits until a number of statements of the store wait for a lock. */
function untilWaitingForLocks(url: string, statements: number): Promise<void> {
  return expect.poll(() => statementsWaitingForLocks(url), { interval: 10 }).toHaveLength(statements);
}

async function rerunnable(url: string) {
  const store = closeAfterTest(await openPostgresStore(url));
  const { first, from } = await seeded(store);
  const submission = from(first.id, { ...person, type: 'later' });
  expect(await store.submit(submission)).toMatchObject({ outcome: 'unknown-type' });
  await store.addType('later', null);
  await store.grantType('first', 'later');
  return { store, submission, own: { partnerId: first.id, ...person, type: 'later' } };
}

test('a cancellation that arrives while a submission is re-run cancels its lead', async () => {
  const url = await storeDatabase();
  const { store, submission, own } = await rerunnable(url);
  const blocker = await openTransaction(url);
  await blocker.query('LOCK TABLE rerun IN SHARE ROW EXCLUSIVE MODE');
  const rerun = store.rerunSubmission(submission.id);
  await untilWaitingForLocks(url, 1);
  const cancelled = cancel(store, own);
  await Promise.race([untilWaitingForLocks(url, 2), cancelled]);
  await blocker.query('COMMIT');
  expect(await rerun).toMatchObject({ outcome: 'accepted' });
  expect(await cancelled).toMatchObject({ outcome: 'cancelled' });
  expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled']);
});

test('a re-run that begins while a cancellation is stored creates no lead', async () => {
  const url = await storeDatabase();
  const { store, submission, own } = await rerunnable(url);
  const blocker = await openTransaction(url);
  // The cancellation has found no lead, and waits to record its idempotency key.
  await blocker.query(
    "INSERT INTO idempotency_record (partner_id, idempotency_key, fingerprint, outcome, recorded_at) VALUES ($1, 'k', 'f', 'not-found', 0)",
    [own.partnerId],
  );
  const cancelled = cancel(store, own, { key: 'k', fingerprint: 'f' });
  await untilWaitingForLocks(url, 1);
  const rerun = store.rerunSubmission(submission.id).catch((error: unknown) => error);
  await Promise.race([untilWaitingForLocks(url, 2), rerun]);
  await blocker.query('ROLLBACK');
  expect(await cancelled).toMatchObject({ outcome: 'not-found' });
  expect(await rerun).toBeInstanceOf(CancelledLater);
  expect(await leadsIn(store)).toEqual([]);
});

test('a submission that is re-run while old ones are pruned is kept', async () => {
  const url = await storeDatabase();
  const { store, submission } = await rerunnable(url);
  // Prepares the statements of pruning on the connection.
  await store.prune(0, '');
  const blocker = await openTransaction(url);
  // The re-run has decided to create a lead, and waits for this one.
  await blocker.query(
    `INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
     SELECT 'other', id, $1, 1, 'other', 'scheduled', 0, 0, 0 FROM lead_type WHERE name = 'later'`,
    [submission.mobile],
  );
  const rerun = store.rerunSubmission(submission.id);
  await untilWaitingForLocks(url, 1);
  const pruned = store.prune(afterAllRows, '');
  await untilWaitingForLocks(url, 2);
  await blocker.query('ROLLBACK');
  expect(await rerun).toMatchObject({ outcome: 'accepted' });
  expect(await pruned).toMatchObject({ submissions: 0 });
  expect((await claim(store, 'test')).map(({ mobile }) => mobile)).toEqual([submission.mobile]);
});
