import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, newKey } from '../src/partners/key.ts';
import { openStore } from '../src/store/open.ts';
import { type PostgresServer, startPostgres } from '../test/harness/postgres-server.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

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

export interface Server {
  address: string;
  stop(): Promise<void>;
}

/** Starts a server process that only takes leads in. */
export async function startServer(url: string): Promise<Server> {
  const child: ChildProcess = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATABASE_URL: url,
      BOOTSTRAP: 'off',
      DISPATCH: 'off',
      RATE_LIMIT: 'off',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const address = await new Promise<string>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said += chunk;
      const found = /Listening on (http:[^"]+)/.exec(said)?.[1];
      if (found === undefined) return;
      // The lines about requests have to be read, and nothing more.
      child.stdout?.off('data', listen).resume();
      resolve(found);
    };
    child.stdout?.on('data', listen);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${said}`)));
  });
  return {
    address,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
