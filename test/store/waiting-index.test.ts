/** Only failed attempts write to the index of leads that wait for a retry: accepting and delivering leads does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { mobileOf } from '../harness/mobile.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { claim, deliverDue, record, temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest, seeded } from './stores.ts';

const hour = 3_600_000;

/** Accepts and delivers leads. */
async function acceptAndDeliver({ store, first, from }: Awaited<ReturnType<typeof seeded>>): Promise<void> {
  for (let person = 0; person < 20; person += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(person) }));
  }
  await deliverDue(store);
}

/** Accepts a lead, and records a failed attempt. */
async function failOnce({ store, first, from }: Awaited<ReturnType<typeof seeded>>): Promise<void> {
  await store.submit(from(first.id, { mobile: mobileOf(100) }));
  for (const { id } of await claim(store, 'test')) {
    await record(store, 'test', id, 'unavailable', Date.now() + hour);
  }
}

/** Checks that the index is not written before an attempt has failed. */
async function checkIndex(store: Store, isWritten: () => boolean | Promise<boolean>): Promise<void> {
  const leads = await seeded(store);
  expect(await isWritten()).toBe(false);
  await acceptAndDeliver(leads);
  expect(await isWritten()).toBe(false);
  await failOnce(leads);
  expect(await isWritten()).toBe(true);
}

test('SQLite', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  await openSqliteStore(file).close();
  // The log is empty: the store was closed.
  const store = closeAfterTest(openSqliteStore(file));
  const database = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => database.close());
  const page = database.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'lead_waiting'`).get()?.[
    'rootpage'
  ];
  await checkIndex(store, () => pagesIn(readFileSync(`${file}-wal`)).includes(Number(page)));
});

/** Returns the numbers of the pages in a write-ahead log (https://www.sqlite.org/fileformat2.html#the_write_ahead_log). */
function pagesIn(log: Buffer): number[] {
  if (log.length === 0) return [];
  const frameSize = 24 + log.readUInt32BE(8);
  const frames = Math.floor((log.length - 32) / frameSize);
  return Array.from({ length: frames }, (_, frame) => log.readUInt32BE(32 + frame * frameSize));
}

test('PostgreSQL', async () => {
  const url = await emptyDatabase();
  const store = closeAfterTest(await openPostgresStore(url));
  await checkIndex(store, async () => {
    const [row] = await asAdministrator<{ size: number }>(
      url,
      `SELECT pg_relation_size('lead_waiting')::integer AS size`,
    );
    // An index without entries has one page.
    return (row?.size ?? 0) > 8_192;
  });
});
