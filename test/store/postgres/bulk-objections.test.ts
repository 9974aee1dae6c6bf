/** An import of objections finds the leads that are committed at the same moment as its batches. */
import { expect, test } from 'vitest';
import { BulkEntry } from '../../../src/store/objections.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { emptyDatabase, openTransaction } from '../../harness/postgres.ts';
import { leadsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { closeAfterTest, seeded } from '../stores.ts';

test('suppresses a lead that is committed just after a batch with its number, and after the last one', async () => {
  const url = await emptyDatabase();
  const { store, first, from } = await seeded(closeAfterTest(await openPostgresStore(url)));
  const entering = new BulkEntry(store);
  const lines = { list: 'old', file: 'old.csv', lines: 1, operator: 'alice' };
  const add = (index: number) =>
    entering.add([operatorEntry(mobileOf(index), { source: 'import', sourceId: 'old' })], lines);
  for (const index of [1, 2]) {
    await store.submit(from(first.id, { mobile: mobileOf(10 + index) }));
    const adding = await openTransaction(url);
    // Stands for a request that does not see the entry yet.
    await adding.query('UPDATE lead SET mobile = $1 WHERE mobile = $2', [
      mobileOf(index),
      mobileOf(10 + index),
    ]);
    expect(await add(index)).toMatchObject({ added: 1, leads: index === 1 ? [] : [expect.any(String)] });
    await adding.query('COMMIT');
  }
  expect(await entering.end()).toMatchObject({ leads: [expect.any(String)] });
  expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['suppressed', 'suppressed']);
});
