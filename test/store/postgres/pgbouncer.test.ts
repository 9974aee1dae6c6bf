/** The store works behind PgBouncer in transaction mode, where every statement may run on another connection. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { dispatch, untilAll } from '../../harness/dispatch.ts';
import { hasPgBouncer, type PgBouncer, startPgBouncer } from '../../harness/pgbouncer.ts';
import { asAdministrator, emptyDatabase } from '../../harness/postgres.ts';
import { testConformance } from '../conformance.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { expectTrueResults, startLoad } from './load.ts';

describe('through PgBouncer', { skip: !hasPgBouncer(), meta: { needs: 'pgbouncer' } }, () => {
  let bouncer: PgBouncer;
  beforeAll(async () => {
    bouncer = await startPgBouncer(inject('postgresUrl'), 'SET statement_timeout = 5000');
  });
  afterAll(() => bouncer.stop());

  const open = async () =>
    closeAfterTest(await openPostgresStore(bouncer.through(await storeDatabase({ keepsIdle: true }))));

  testConformance({ name: 'PostgreSQL', open });

  /** Opens a store through another PgBouncer. Returns the warnings. */
  async function warningsAt(url: string, connectQuery?: string): Promise<string> {
    const other = await startPgBouncer(inject('postgresUrl'), connectQuery);
    onTestFinished(() => other.stop());
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => void warned.mockRestore());
    warned.mockClear();
    closeAfterTest(await openPostgresStore(other.through(url)));
    return warned.mock.calls.flat().join();
  }

  test('warns if no statement_timeout is in effect, with the command that sets it', async () => {
    const url = await emptyDatabase();
    const name = new URL(url).pathname.slice(1);
    expect(await warningsAt(url)).toMatch(
      /^The role (\w+) has no statement_timeout of up to 5 s, .* Run `ALTER ROLE \1 SET statement_timeout = '5s'`/,
    );
    expect(await warningsAt(url, 'SET statement_timeout = 5000')).toBe('');
    await asAdministrator(url, `ALTER DATABASE ${name} SET statement_timeout = '1min'`);
    expect(await warningsAt(url)).toContain('has no statement_timeout of up to 5 s');
    await asAdministrator(url, `ALTER DATABASE ${name} SET statement_timeout = '5s'`);
    expect(await warningsAt(url)).toBe('');
  });

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
