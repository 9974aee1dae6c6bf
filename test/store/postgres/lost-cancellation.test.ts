/** A committed cancellation is reported as such even if PostgreSQL's response was lost. */
import { expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { storeDatabase } from '../../harness/database-pool.ts';
import { startLossyProxy } from '../../harness/lossy-proxy.ts';
import { cancel, deliverDue, leadsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };

test.each([
  ['with an idempotency key', { key: 'k', fingerprint: 'f' }],
  ['without an idempotency key', undefined],
])(
  'reports and stores a cancellation %s once if PostgreSQL’s response was lost',
  async (_how, idempotency) => {
    const url = new URL(await storeDatabase());
    const proxy = await startLossyProxy(Number(url.port));
    url.port = String(proxy.port);
    const store = await openPostgresStore(url.href, { connections: 1 });
    onTestFinished(() => store.close());
    const { first, from } = await seeded(store);
    const own = { partnerId: first.id, ...person };
    await store.submit(from(first.id));
    proxy.loseNextResponse('cut');
    expect(await cancel(store, own, idempotency)).toEqual({ outcome: 'cancelled', isReplay: false });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled']);
    proxy.loseNextResponse('cut');
    expect(await cancel(store, own)).toEqual({ outcome: 'not-found', isReplay: false });
    await store.submit(from(first.id));
    await deliverDue(store);
    proxy.loseNextResponse('cut');
    expect(await cancel(store, own)).toEqual({ outcome: 'already-processed', isReplay: false });
    expect(proxy.lostResponses()).toBe(3);
    const stored = await Array.fromAsync(store.cancellations(person.mobile));
    expect(stored.map(({ outcome }) => outcome)).toEqual(['already-processed', 'not-found', 'cancelled']);
  },
);
