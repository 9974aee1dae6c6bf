/** Pruned data is in no row of any table of the schema. */
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { pruneAll } from '../../../src/store/prune.ts';
import type { Store } from '../../../src/store/store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { asAdministrator, openTransaction, statementsWaitingForLocks } from '../../harness/postgres.ts';
import { claim, deliverDue, endDueAsTooLate, leadsIn, record } from '../../harness/server.ts';
import { afterAllRows, currentIdentifier, withClockOffset } from '../clock.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const day = 86_400_000;
const marked = 'Markedname';

/** Stores people in every way: with a lead, in place of a lead, without a lead, cancelled, re-run and attempted. */
async function sendAll(store: Store, partners: readonly number[]): Promise<void> {
  const [first = 0, second = 0] = partners;
  const sent = (partnerId: number, mobile: string, type: string) => {
    const content = JSON.stringify({ surname: marked });
    return {
      id: currentIdentifier(),
      partnerId,
      keyId: null,
      receivedAt: Date.now(),
      type,
      mobile,
      delays: 0,
      content,
    };
  };
  const send = async (partnerId: number, mobile: string, type = 'motor') => {
    const submission = sent(partnerId, mobile, type);
    await store.submit(submission, { key: mobile + partnerId + type, fingerprint: 'f' });
    return submission;
  };
  await send(first, '+447840191901');
  await send(second, '+447840191901');
  await store.cancel(sent(first, '+447840191901', 'motor'), { key: 'cancel', fingerprint: 'f' });
  const unknown = await send(first, '+447840191902', 'unknown');
  await store.rerunSubmission(unknown.id);
  await send(first, '+447840191903');
  const [lead] = await claim(store, 'test', { lease: 1 });
  await record(store, 'test', lead?.id ?? '', 'unavailable', 0);
  await endDueAsTooLate(store, 1);
}

/** Returns the tables that contain a text in any column. */
async function tablesWith(url: string, text: string): Promise<string[]> {
  const tables = await asAdministrator<{ name: string }>(
    url,
    'SELECT relname AS name FROM pg_stat_user_tables',
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await asAdministrator(url, `SELECT FROM ${name} AS t WHERE t::text LIKE '%' || $1 || '%'`, [
      text,
    ]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test('leaves no row with data of a person whose submissions were pruned', async () => {
  const url = await storeDatabase();
  const { store, first, second } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await withClockOffset(-500 * day, () => sendAll(store, [first.id, second.id]));
  expect(await tablesWith(url, '84019190')).toEqual(expect.arrayContaining(['lead', 'submission']));
  await pruneAll(store, Date.now() - 400 * day);
  while ((await store.deleteIdempotencyRecords(Date.now() - day)) > 0);
  for (const text of ['84019190', marked]) expect(await tablesWith(url, text), text).toEqual([]);
});

test('does not re-run a submission that is being pruned', async () => {
  const url = await storeDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const submission = from(first.id, { type: 'unknown' });
  await store.submit(submission);
  const pruning = await openTransaction(url);
  await pruning.query('DELETE FROM submission WHERE id = $1', [submission.id]);
  const rerun = expect(store.rerunSubmission(submission.id)).rejects.toThrow('does not exist');
  await expect.poll(() => statementsWaitingForLocks(url)).toHaveLength(1);
  await pruning.query('COMMIT');
  await rerun;
});

test('does not retry a dismissed lead that is being pruned', async () => {
  const url = await storeDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const submission = from(first.id);
  await store.submit(submission);
  await store.rerunSubmission(submission.id);
  await deliverDue(store, 'rejected');
  const id = (await leadsIn(store))[0]?.id ?? '';
  await store.dismissLead(id);
  const blocker = await openTransaction(url);
  // Pruning has decided to remove the submission, and waits for its re-run.
  await blocker.query('SELECT FROM rerun FOR UPDATE');
  const pruned = store.prune(afterAllRows, '');
  await expect.poll(() => statementsWaitingForLocks(url)).toHaveLength(1);
  const retried = store.retryLead(id).catch((error: unknown) => String(error));
  await Promise.race([
    expect.poll(() => statementsWaitingForLocks(url), { interval: 10 }).toHaveLength(2),
    retried,
  ]);
  await blocker.query('ROLLBACK');
  expect(await pruned).toMatchObject({ submissions: 1, leads: 1 });
  expect(await retried).toContain('does not exist');
});
