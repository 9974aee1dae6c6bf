/** Leads whose claim was committed, but whose response was lost, are delivered as if the claim had not been made. */
import { expect, test } from 'vitest';
import { openPostgresStore, type PostgresStoreLimits } from '../../../src/store/postgres/postgres-store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { startLossyProxy } from '../../harness/lossy-proxy.ts';
import { asAdministrator, openTransaction } from '../../harness/postgres.ts';
import { cancel, claim, leadsIn, record } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

/** Creates a store with a due lead in the shared PostgreSQL server, behind a proxy. */
async function deployment(limits: Partial<PostgresStoreLimits> = {}) {
  const url = new URL(await storeDatabase());
  const directUrl = url.href;
  const { store: direct, first, from } = await seeded(closeAfterTest(await openPostgresStore(directUrl)));
  const submission = from(first.id);
  await direct.submit(submission);
  const proxy = await startLossyProxy(Number(url.port));
  url.port = String(proxy.port);
  const store = closeAfterTest(await openPostgresStore(url.href, { connections: 1, ...limits }));
  const person = { partnerId: first.id, type: submission.type, mobile: submission.mobile };
  return { proxy, url: directUrl, direct, store, person };
}

test.each(['cut', 'swallowed'] as const)(
  'returns the leads of a claim whose response was %s',
  async (loss) => {
    const { proxy, store } = await deployment({ responseTimeout: 500 });
    const [lead] = await leadsIn(store);
    for (const attemptNumber of [1, 2]) {
      proxy.loseNextResponse(loss);
      const claimed = await claim(store, `claim-${attemptNumber}`);
      expect(claimed).toMatchObject([{ id: lead?.id, attemptNumber, mayHaveArrived: false }]);
      expect(await claim(store, 'other')).toEqual([]);
      await record(store, `claim-${attemptNumber}`, lead?.id ?? '', 'unavailable', Date.now());
    }
    expect(proxy.lostResponses()).toBe(2);
  },
);

test('releases the leads of a claim that is committed long after its connection was lost', async () => {
  const { proxy, url, direct, store, person } = await deployment({ retryTimeout: 300 });
  await asAdministrator(
    url,
    `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
     CREATE TRIGGER hold BEFORE UPDATE ON lead FOR EACH ROW WHEN (NEW.claim IS NOT NULL) EXECUTE FUNCTION hold()`,
  );
  const other = await openTransaction(url);
  await other.query('SELECT pg_advisory_xact_lock(1)');
  const held = () =>
    asAdministrator(
      url,
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database =
      (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
  const claiming = claim(store, 'lost');
  await expect.poll(async () => (await held()).length).toBe(1);
  proxy.cut();
  await expect(claiming).rejects.toThrow(StoreUnavailable);
  const isClaimed = async () =>
    (await asAdministrator(url, 'SELECT FROM lead WHERE claim IS NOT NULL')).length === 1;
  expect(await isClaimed()).toBe(false);
  await other.query('COMMIT');
  await expect.poll(isClaimed).toBe(true);
  expect(await cancel(direct, person)).toMatchObject({ outcome: 'already-processed' });
  const [lead] = await leadsIn(direct);
  expect(await store.nextAttemptAt()).toBe(lead?.dueAt);
  expect((await leadsIn(direct))[0]).toMatchObject({ state: 'scheduled', attempts: 0 });
  expect(await cancel(direct, person)).toMatchObject({ outcome: 'cancelled' });
});
