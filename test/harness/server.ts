import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import { bootstrap } from '../../src/bootstrap.ts';
import { phoneReader } from '../../src/leads/phone.ts';
import { type AppParts, createApp } from '../../src/server/app.ts';
import { type HttpServerOptions, startHttpServer } from '../../src/server/http-server.ts';
import { type CommitQueueLimits, defaultLimits } from '../../src/store/sqlite/commit-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { LeadRecord, Store, SubmissionRecord } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { Target } from './client.ts';

export interface TestServer extends Target {
  store: Store;
  /** The database file. */
  file: string;
  partner: string;
  type: string;
}

export type TestServerOptions = Partial<
  Pick<AppParts, 'inFlightPerKey'> & Pick<HttpServerOptions, 'requestTimeout'> & CommitQueueLimits
>;

const log = await createLog('silent');

/** A directory that is gone when the test is. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'leads-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A real server on a free port, over a store of its own that was empty; both end with the test. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file, { ...defaultLimits, ...options });
  const first = await bootstrap(store);
  if (first === undefined) throw new Error('The new store is not empty.');
  const app = createApp({ store, readPhone: phoneReader('GB'), log, ...options });
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log, ...options });
  onTestFinished(async () => {
    await server.stop();
    await store.close();
  });
  return { url: `http://${server.host}:${server.port}`, store, file, ...first };
}

/** Hands every lead that is due to the dialler. */
export async function dialDue(store: Store): Promise<void> {
  const leads = await store.claimDue('test', Number.MAX_SAFE_INTEGER, 60_000);
  await store.markDialled(
    'test',
    leads.map(({ id }) => id),
  );
}

export function leadsIn(store: Store): Promise<LeadRecord[]> {
  return Array.fromAsync(store.leads({}, Number.MAX_SAFE_INTEGER));
}

export function submissionsIn(store: Store): Promise<SubmissionRecord[]> {
  return Array.fromAsync(store.submissions({}, Number.MAX_SAFE_INTEGER));
}

/** Makes every write fail from now on, as a damaged file does. */
export function breakStore(file: string): void {
  const database = new DatabaseSync(file);
  database.exec('ALTER TABLE lead RENAME TO damaged');
  database.close();
}

/** Holds the store's write lock, as another process can, until it is released. */
export function holdWriteLock(file: string): { release(): void } {
  const database = new DatabaseSync(file);
  database.exec('BEGIN IMMEDIATE');
  return {
    release: () => {
      database.exec('COMMIT');
      database.close();
    },
  };
}
