/** PostgreSQL commits transactions in another order than that in which they began, and no event may be skipped for that. */
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { emptyDatabase, openTransaction } from '../../harness/postgres.ts';
import { claim, leadsIn, record } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

test('an event whose transaction commits late is returned after those that were read before', async () => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await store.submit(from(first.id, { mobile: '+447840258825' }));
  const [late, early] = await leadsIn(store);
  const read = (after?: { sequence: number; idEnd: string | undefined }) =>
    store.partnerEvents({ partnerId: first.id, after, limit: 10 });
  const transaction = await openTransaction(url);
  await transaction.query(`UPDATE lead SET state = 'cancelled', ended_order = 1 WHERE id = '${late?.id}'`);
  const claimed = await claim(store, 'claim', { limit: 2 });
  expect(claimed.map(({ id }) => id)).toEqual([early?.id]);
  await record(store, 'claim', early?.id ?? '', 'delivered');
  const before = await read();
  expect(before?.events.map(({ kind }) => kind)).toEqual(['lead.dialled']);
  await transaction.query('COMMIT');
  const after = await read(before?.next);
  expect(after?.events.map(({ kind, leadId }) => [kind, leadId])).toEqual([['lead.cancelled', late?.id]]);
  expect((await read())?.events).toHaveLength(2);
});

test('concurrent readers number each event once', async () => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  for (let n = 10; n < 40; n += 1) await store.submit(from(first.id, { mobile: `+4478402588${n}` }));
  await store.cancelRemainingLeads({ partner: 'first' });
  const pages = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      store.partnerEvents({ partnerId: first.id, after: undefined, limit: 5 * (n + 1) }),
    ),
  );
  const all = await store.partnerEvents({ partnerId: first.id, after: undefined, limit: 100 });
  const ids = all?.events.map(({ id }) => id) ?? [];
  expect(new Set(ids).size).toBe(30);
  for (const page of pages) {
    expect(page?.events.map(({ id }) => id)).toEqual(ids.slice(0, page?.events.length));
  }
});
