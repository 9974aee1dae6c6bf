import { onTestFinished } from 'vitest';
import type { Submission } from '../../src/leads/submission.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { newStoreFile } from '../harness/store-file.ts';
import { newSubmission } from '../harness/submissions.ts';

/** A kind of store. Each one that is opened is empty, and is closed after the test. */
export interface TestedStore {
  name: string;
  open(): Promise<Store>;
}

/** Every kind of store that the program can use. */
export const stores: readonly TestedStore[] = [
  { name: 'SQLite', open: async () => openStore() },
  { name: 'SQLite in memory', open: async () => closeAfterTest(openSqliteStore(':memory:')) },
  { name: 'PostgreSQL', open: async () => closeAfterTest(await openPostgresStore(await storeDatabase())) },
];

/** Every kind of store that several processes can share, with a function that returns the URL of a new one. */
export const sharedStores: readonly { name: string; newUrl(): Promise<string> }[] = [
  { name: 'SQLite', newUrl: async () => `sqlite:${newStoreFile(temporaryDirectory())}` },
  { name: 'PostgreSQL', newUrl: () => storeDatabase() },
];

/** Opens an empty store, for tests that do not depend on its kind. */
export function openStore(): Store {
  return closeAfterTest(openSqliteStore(newStoreFile(temporaryDirectory())));
}

/** Closes a store after the test. */
export function closeAfterTest(store: Store): Store {
  onTestFinished(() => store.close());
  return store;
}

/** Adds the type `motor` and two partners to which it is granted. Returns a function that creates their submissions. */
export async function seeded(opening: Store | Promise<Store>, recontactAfter: number | null = null) {
  const store = await opening;
  await store.addType('motor', recontactAfter);
  const first = await store.addPartner('first', ['motor']);
  const second = await store.addPartner('second', ['motor']);
  const from = (partnerId: number, changes: Partial<Submission> = {}) =>
    newSubmission({
      partnerId,
      receivedAt: Date.now(),
      type: 'motor',
      mobile: '+447840258823',
      delays: 0,
      content: '{"first_name":"John"}',
      ...changes,
    });
  return { store, first, second, from };
}
