import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, newKey } from '../src/partners/key.ts';
import { openStore } from '../src/store/open.ts';
import { type PostgresServer, startPostgres } from '../test/harness/postgres-server.ts';
import { cores, type QueuePosition, type Started, start } from './processes.ts';

/** A store with one partner, one type and one key. */
export interface Furnished {
  url: string;
  key: string;
  partnerId: number;
  remove(): Promise<void>;
}

export async function sqliteStore(): Promise<Furnished> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const remove = async () => rmSync(directory, { recursive: true, force: true });
  return furnished(`sqlite:${join(directory, 'leads.db')}`, remove);
}

/** A PostgreSQL of its own, that syncs as it does by default. */
export async function postgresStore(): Promise<Furnished> {
  const postgres: PostgresServer = await startPostgres(['shared_buffers=1GB', 'max_wal_size=8GB']);
  return furnished(postgres.url, () => postgres.remove());
}

async function furnished(url: string, remove: () => Promise<void>): Promise<Furnished> {
  const store = await openStore(url);
  await store.addType('motor-trade', null);
  const { id } = await store.addPartner('bench', ['motor-trade']);
  const key = newKey();
  await store.addKey('bench', 'bench', digestOf(key));
  await store.close();
  return { url, key, partnerId: id, remove };
}

/** What `npm start` tells Node. */
export const nodeOptions = ['--min-semi-space-size=32'];

/**
 * Starts a server process that only takes leads in.
 *
 * @param environment variables besides those that it needs
 */
export function startServer(
  url: string,
  place: QueuePosition = cores.server,
  environment: Record<string, string> = {},
): Promise<Started> {
  return start('src/main.ts', { ...settings(url), DISPATCH: 'off', ...environment }, place, nodeOptions);
}

/** Starts a server process that takes leads in and hands those that are due to a webhook receiver. */
export function startHandingOver(url: string, receiver: string): Promise<Started> {
  const dialler = {
    DIALLER: 'webhook',
    DIALLER_URL: receiver,
    DIALLER_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    DIALLER_CONCURRENCY: '100',
  };
  return start('src/main.ts', { ...settings(url), ...dialler }, 'any', nodeOptions);
}

function settings(url: string): Record<string, string> {
  return { DATABASE_URL: url, BOOTSTRAP: 'off', RATE_LIMIT: 'off', TRUST_PROXY: 'loopback' };
}
