import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, newKey } from '../src/partners/key.ts';
import { openStore } from '../src/store/open.ts';
import { type PostgresServer, startPostgres } from '../test/harness/postgres-server.ts';
import { cores, type Placement, type RunningServer, start } from './processes.ts';

/** A store with one partner, one type and one key. */
export interface PreparedStore {
  url: string;
  key: string;
  partnerId: number;
  remove(): Promise<void>;
}

/** Creates an SQLite store in a temporary directory. */
export async function sqliteStore(): Promise<PreparedStore> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const remove = async () => rmSync(directory, { recursive: true, force: true });
  return prepare(`sqlite:${join(directory, 'leads.db')}`, remove);
}

/** Starts a PostgreSQL server with default durability, and creates a store in it. */
export async function postgresStore(): Promise<PreparedStore> {
  const postgres: PostgresServer = await startPostgres(['shared_buffers=1GB', 'max_wal_size=8GB']);
  return prepare(postgres.url, () => postgres.remove());
}

async function prepare(url: string, remove: () => Promise<void>): Promise<PreparedStore> {
  const store = await openStore(url);
  await store.addType('motor-trade', null);
  const { id } = await store.addPartner('bench', ['motor-trade']);
  const key = newKey();
  await store.addKey('bench', 'bench', digestOf(key));
  await store.close();
  return { url, key, partnerId: id, remove };
}

/** Node's options, as in `npm start`. */
export const nodeOptions = ['--min-semi-space-size=32'];

/**
 * Starts a server process that does not deliver leads.
 *
 * @param environment additional variables
 */
export function startServer(
  url: string,
  place: Placement = cores.server,
  environment: Record<string, string> = {},
): Promise<RunningServer> {
  return start('src/main.ts', { ...settings(url), DISPATCH: 'off', ...environment }, place, nodeOptions);
}

/** Starts a server process that accepts leads and delivers them to a webhook receiver. */
export function startDelivering(url: string, receiver: string): Promise<RunningServer> {
  return startWithDialler(url, {
    DIALLER: 'webhook',
    DIALLER_URL: receiver,
    DIALLER_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    DIALLER_CONCURRENCY: '100',
  });
}

/** Starts a server that delivers leads to a VICIdial. @param inFlight maximum number of leads in flight */
export function startDeliveringToVicidial(
  url: string,
  vicidial: string,
  inFlight: number,
): Promise<RunningServer> {
  return startWithDialler(url, {
    DIALLER: 'vicidial',
    DIALLER_URL: vicidial,
    DIALLER_USER: 'leadsapi',
    DIALLER_PASSWORD: 'correct horse',
    DIALLER_LISTS: '{"motor-trade": {"list": 1001, "campaign": "MOTOR", "hopper_priority": 50}}',
    DIALLER_CONCURRENCY: String(inFlight),
  });
}

function startWithDialler(url: string, dialler: Record<string, string>): Promise<RunningServer> {
  return start('src/main.ts', { ...settings(url), ...dialler }, 'any', nodeOptions);
}

function settings(url: string): Record<string, string> {
  return { DATABASE_URL: url, BOOTSTRAP: 'off', RATE_LIMIT: 'off', TRUST_PROXY: 'loopback' };
}
