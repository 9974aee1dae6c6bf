/** A clock that is wrong neither ends a lease early nor makes a lead due early. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { asAdministrator } from '../../harness/postgres.ts';
import { cancel, claim, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

const hour = 3_600_000;
const lease = 60_000;

/** Sets this server's clock. */
function setClock(now: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
}

test('a lease does not end early if PostgreSQL’s clock is set forward', async () => {
  const url = await storeDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const before = Date.now();
  await store.submit(from(first.id));
  expect(await claim(store, 'one', { lease })).toHaveLength(1);
  // PostgreSQL's clock cannot be set, so all other clocks and times are set back instead.
  await asAdministrator(
    url,
    `UPDATE lead SET due_at = due_at - ${hour}, next_attempt_at = next_attempt_at - ${hour}`,
  );
  setClock(before - hour);
  expect(await Array.fromAsync(store.dueLeads(10))).toEqual([]);
  expect(await claim(store, 'two')).toEqual([]);
  setClock(before - hour + 2 * lease);
  expect(await Array.fromAsync(store.dueLeads(10))).toHaveLength(1);
  expect(await claim(store, 'two')).toHaveLength(1);
});

test('a lease does not end early if a server’s clock is set forward', async () => {
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(await storeDatabase())));
  await store.submit(from(first.id));
  expect(await claim(store, 'one', { lease })).toHaveLength(1);
  setClock(Date.now() + hour);
  expect(await Array.fromAsync(store.dueLeads(10))).toEqual([]);
  expect(await claim(store, 'two')).toEqual([]);
});

test('a withdrawal is neither begun nor retried late if a server’s clock is set forward', async () => {
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(await storeDatabase())));
  await store.setWithdraws('motor', true);
  const { mobile, type } = from(first.id);
  await store.submit(from(first.id));
  await deliverDue(store);
  const [{ id: leadId = '' } = {}] = await leadsIn(store);
  const terms = { limit: 1, lease };
  setClock(Date.now() + hour);
  await cancel(store, { partnerId: first.id, mobile, type });
  expect(await store.claimWithdrawals({ ...terms, claim: 'one' })).toMatchObject([{ id: leadId }]);
  const attempt = { leadId, endedAt: Date.now(), outcome: 'unknown', response: '' } as const;
  await store.recordWithdrawal('one', attempt, Date.now());
  expect(await store.claimWithdrawals({ ...terms, claim: 'two' })).toMatchObject([{ attemptNumber: 2 }]);
  await store.releaseWithdrawals('two', [leadId], Date.now());
  expect(await store.claimWithdrawals({ ...terms, claim: 'three' })).toMatchObject([{ attemptNumber: 2 }]);
  await store.recordWithdrawal('three', attempt, Date.now() + lease);
  expect(await store.claimWithdrawals({ ...terms, claim: 'early' })).toEqual([]);
  expect(await store.hastenWithdrawals()).toBe(1);
  expect(await store.claimWithdrawals({ ...terms, claim: 'four' })).toMatchObject([{ attemptNumber: 3 }]);
  await store.recordWithdrawal('four', attempt, Date.now() + lease);
  await store.retryWithdrawal(leadId);
  expect(await store.claimWithdrawals({ ...terms, claim: 'five' })).toMatchObject([{ attemptNumber: 1 }]);
});

test('a lead is not retried late if a server’s clock is set forward', async () => {
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(await storeDatabase())));
  await store.submit(from(first.id));
  const [{ id = '' } = {}] = await claim(store, 'one');
  setClock(Date.now() + hour);
  await record(store, 'one', id, 'unavailable', Date.now());
  expect(await claim(store, 'two')).toMatchObject([{ attemptNumber: 2 }]);
  await store.releaseLeads('two', [id], Date.now());
  expect(await claim(store, 'three')).toMatchObject([{ attemptNumber: 2 }]);
  await record(store, 'three', id, 'unavailable', Date.now() + lease);
  expect(await claim(store, 'early')).toEqual([]);
});
