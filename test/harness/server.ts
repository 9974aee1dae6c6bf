import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import { bootstrap } from '../../src/app/bootstrap.ts';
import type { AttemptOutcome } from '../../src/leads/attempt.ts';
import type { Cancellation } from '../../src/leads/cancellation.ts';
import type { Idempotency } from '../../src/leads/idempotency.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { type AppOptions, createApp } from '../../src/server/app.ts';
import { type HttpServerOptions, startHttpServer } from '../../src/server/http-server.ts';
import { KeyLastUsed } from '../../src/server/key-last-used.ts';
import { PartnerUsageCounter } from '../../src/server/partner-usage.ts';
import { Readiness } from '../../src/server/readiness.ts';
import { RejectionCounter } from '../../src/server/rejections.ts';
import type { ClaimedLead } from '../../src/store/delivery.ts';
import type { EndedTooLate } from '../../src/store/delivery-gaps.ts';
import type { CancellationResult } from '../../src/store/intake.ts';
import type { LeadRecord, SubmissionRecord } from '../../src/store/records.ts';
import { type CommitQueueLimits, defaultLimits } from '../../src/store/sqlite/durability/commit-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import type { Target } from './client.ts';
import { newStoreFile } from './store-file.ts';
import { newCancellation } from './submissions.ts';

export interface TestServer extends Target {
  store: Store;
  /** The database file. */
  file: string;
  partner: string;
  type: string;
}

export type TestServerOptions = Partial<
  Pick<
    AppOptions,
    | 'inFlightPerKey'
    | 'bytesInFlightPerKey'
    | 'bytesInFlight'
    | 'rateLimit'
    | 'objectionsPerDay'
    | 'trustedProxies'
    | 'onResponse'
    | 'securityContact'
    | 'supportContact'
    | 'publicUrl'
    | 'maxUnread'
    | 'readiness'
    | 'log'
    | 'rejections'
    | 'dailyQuotas'
    | 'testData'
  > &
    Omit<HttpServerOptions, 'host' | 'port' | 'log'> &
    CommitQueueLimits & {
      /** Time from one check of the store to the next (ms). Undefined: none, and the server is always ready. */
      checkReadyEvery: number;
    }
>;

const log = await createLog('silent');

/** Creates a directory, which is removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'leads-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a server on a free port with a new SQLite store. Both end with the test. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const file = newStoreFile(temporaryDirectory());
  return { file, ...(await serve(openSqliteStore(file, { ...defaultLimits, ...options }), options)) };
}

/**
 * Starts a server on a free port. It and the store end with the test.
 *
 * @param other another server on the same store, if the store is not empty
 */
export async function serve(
  store: Store,
  options: TestServerOptions = {},
  other?: Pick<TestServer, 'partner' | 'type' | 'key'>,
): Promise<Omit<TestServer, 'file'>> {
  const first = (await bootstrap(store)) ?? other;
  if (first === undefined) throw new Error('The store is not empty.');
  const keyLastUsed = new KeyLastUsed(store, log);
  const rejections = new RejectionCounter(store, log);
  const dailyQuotas = await PartnerUsageCounter.start(store, log);
  const onResponse = () => {};
  const readiness = await readinessOf(store, options.checkReadyEvery);
  const app = createApp({
    undecidedHours: 'always',
    store,
    phones: phoneParsers('GB'),
    log,
    readiness,
    keyLastUsed,
    rejections,
    dailyQuotas,
    onResponse,
    ...options,
  });
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0, log, ...options });
  onTestFinished(async () => {
    await server.stop();
    await keyLastUsed.stop();
    await rejections.stop();
    await dailyQuotas.stop();
    await store.close();
  });
  const { partner, type, key } = first;
  return { url: `http://${server.host}:${server.port}`, store, partner, type, key };
}

/** Creates a key of a partner and returns it. @param partner by default the server's first one */
export async function createKey(
  { store, partner: first }: Pick<TestServer, 'store' | 'partner'>,
  id: string,
  partner = first,
): Promise<string> {
  const key = newKey();
  await store.addKey(partner, id, digestOf(key));
  return key;
}

/**
 * Adds a partner with a key. Returns the server as that partner reaches it.
 *
 * @param types by default the server's type
 */
export async function addPartner<Server extends Pick<TestServer, 'store' | 'partner' | 'type'>>(
  server: Server,
  name: string,
  types: readonly string[] = [server.type],
): Promise<Server & { key: string }> {
  await server.store.addPartner(name, types);
  return { ...server, partner: name, key: await createKey(server, `key-of-${name}`, name) };
}

/** Cancels a lead with a request that is received now, unless `wanted` overrides that. */
export function cancel(
  store: Store,
  wanted: Pick<Cancellation, 'partnerId' | 'type' | 'mobile'> & Partial<Cancellation>,
  idempotency?: Idempotency,
): Promise<CancellationResult> {
  const content = JSON.stringify({ mobile: wanted.mobile, type: wanted.type });
  const cancellation = newCancellation({ receivedAt: Date.now(), content, ...wanted });
  return store.cancel({ ...cancellation, ...wanted }, idempotency);
}

async function readinessOf(store: Store, interval: number | undefined): Promise<Pick<Readiness, 'isReady'>> {
  if (interval === undefined) return { isReady: true };
  const readiness = new Readiness(store, log, { interval: { ready: interval, notReady: interval } });
  onTestFinished(() => readiness.stop());
  await readiness.start();
  return readiness;
}

/** Claims due leads. */
export async function claim(
  store: Store,
  name: string,
  { limit = Number.MAX_SAFE_INTEGER, lease = 60_000 } = {},
): Promise<ClaimedLead[]> {
  return store.claimDue({ claim: name, limit, lease });
}

/** Claims due leads, and ends them because they are too late to call. */
export async function endDueAsTooLate(store: Store, limit?: number): Promise<EndedTooLate> {
  const leads = await claim(store, 'late', { ...(limit !== undefined && { limit }) });
  return store.endTooLate(
    'late',
    leads.map(({ id }) => id),
  );
}

/** Records an attempt that starts and ends now. Returns whether a withdrawal was opened again. */
export function record(
  store: Store,
  name: string,
  leadId: string,
  outcome: AttemptOutcome,
  nextAttemptAt?: number,
): Promise<boolean> {
  const now = Date.now();
  return store.recordAttempt(
    name,
    { leadId, startedAt: now, endedAt: now, outcome, response: `${outcome} once` },
    nextAttemptAt,
  );
}

/** Claims every due lead and records the same outcome for each. */
export async function deliverDue(store: Store, outcome: AttemptOutcome = 'delivered'): Promise<void> {
  for (const { id } of await claim(store, 'test')) await record(store, 'test', id, outcome);
}

/** Returns all leads of a store. */
export function leadsIn(store: Store): Promise<LeadRecord[]> {
  return Array.fromAsync(store.leads({}, Number.MAX_SAFE_INTEGER));
}

/** Returns all submissions of a store. */
export function submissionsIn(store: Store): Promise<SubmissionRecord[]> {
  return Array.fromAsync(store.submissions({}, Number.MAX_SAFE_INTEGER));
}

/** Time to wait for the store's write lock (ms): a server that has just started may hold it for a moment. */
const lockTimeout = 5_000;

/** Makes every later access to leads and events fail, as in a damaged file. */
export function breakStore(file: string): void {
  const database = new DatabaseSync(file, { timeout: lockTimeout });
  database.exec('ALTER TABLE lead RENAME TO damaged');
  database.exec('ALTER TABLE partner_event RENAME TO damaged_event');
  database.close();
}

/** Undoes `breakStore`. */
export function repairStore(file: string): void {
  const database = new DatabaseSync(file, { timeout: lockTimeout });
  database.exec('ALTER TABLE damaged RENAME TO lead');
  database.exec('ALTER TABLE damaged_event RENAME TO partner_event');
  database.close();
}

/** Holds the store's write lock, as another process might, until it is released. */
export function holdWriteLock(file: string): { release(): void } {
  const database = new DatabaseSync(file, { timeout: lockTimeout });
  database.exec('BEGIN IMMEDIATE');
  return {
    release: () => {
      database.exec('COMMIT');
      database.close();
    },
  };
}
