/** A lead whose submission is missing, as in a damaged store, does not hold up the delivery of other leads. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { claim, leadsIn, record, temporaryDirectory } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';

test('claims the other leads, and keeps what is known about the lead without a submission', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  const lost = from(first.id);
  await store.submit(lost);
  const [lead] = await claim(store, 'one');
  await record(store, 'one', lead?.id ?? '', 'unknown', Date.now());
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  const other = new DatabaseSync(file, { timeout: 5_000 });
  other.prepare('DELETE FROM submission WHERE id = ?').run(lost.id);
  other.close();

  expect(await claim(store, 'two')).toMatchObject([{ mobile: '+447840258824' }]);
  expect(await leadsIn(store)).toMatchObject([{}, { id: lead?.id, attempts: 2, mayHaveArrived: true }]);
  expect(await claim(store, 'three')).toEqual([]);
});
