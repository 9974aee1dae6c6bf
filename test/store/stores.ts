import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { newSubmission, type Submission } from '../../src/leads/submission.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';

/** A store that is held to the promises of all; each that is opened is empty. */
export interface TestedStore {
  name: string;
  open(): Promise<Store>;
}

/** Every store that the program can use. */
export const stores: readonly TestedStore[] = [
  { name: 'SQLite', open: async () => openStore() },
  { name: 'SQLite in memory', open: async () => closing(openSqliteStore(':memory:')) },
  { name: 'PostgreSQL', open: async () => closing(await openPostgresStore(await emptyDatabase())) },
];

/** An empty store, for tests that do not depend on which it is. */
export function openStore(): Store {
  return closing(openSqliteStore(join(temporaryDirectory(), 'leads.db')));
}

export function closing(store: Store): Store {
  onTestFinished(() => store.close());
  return store;
}

/** A store with two partners that hold the type `motor`, and the submission that each can send. */
export async function furnished(opening: Store | Promise<Store>, recontactAfter: number | null = null) {
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
