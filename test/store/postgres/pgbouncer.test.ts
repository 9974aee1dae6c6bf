/** The store works behind PgBouncer in transaction mode, where every statement may run on another connection. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { dispatch, untilAll } from '../../harness/dispatch.ts';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../../harness/pgbouncer.ts';
import { emptyDatabase } from '../../harness/postgres.ts';
import { testConformance } from '../conformance.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { expectTrueResults, startLoad } from './load.ts';

describe('through PgBouncer', { skip: !hasPgBouncer(), meta: { needs: 'pgbouncer' } }, () => {
  let bouncer: PgBouncer;
  beforeAll(async () => {
    bouncer = await startPgBouncer(inject('postgresUrl'));
  });
  afterAll(() => bouncer.stop());

  const open = async () => closeAfterTest(await openPostgresStore(bouncer.through(await emptyDatabase())));

  testConformance({ name: 'PostgreSQL', open });

  test('three servers with more connections than the pool accept each person once', async () => {
    const url = bouncer.through(await emptyDatabase());
    const stores = await Promise.all([1, 2, 3].map(() => openPostgresStore(url, { retryTimeout: 60_000 })));
    onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    const [store] = stores;
    if (store === undefined) throw new Error('No store was opened.');
    const { first, from } = await seeded(store);
    const load = startLoad(stores, (mobile) => from(first.id, { mobile }));
    await expect.poll(load.saved).toBeGreaterThan(1_000);
    await load.stop();
    expect(load.results.filter((each) => 'error' in each)).toEqual([]);
    await expectTrueResults(store, load);
  });

  test('delivers a lead that another server accepted, without notifications', async () => {
    const url = bouncer.through(await emptyDatabase());
    const [store, other] = [
      closeAfterTest(await openPostgresStore(url)),
      closeAfterTest(await openPostgresStore(url)),
    ];
    const { first, from } = await seeded(store);
    const delivered = { outcome: 'delivered', response: 'delivered' } as const;
    dispatch(store, { name: 'test', deliver: async () => delivered });
    await other.submit(from(first.id));
    await untilAll(store, 'dialled');
  });
});
