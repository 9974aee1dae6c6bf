import { Socket } from 'node:net';
import pg from 'pg';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { connectionError } from './connection-error.ts';
import { connectionUrl } from './connection-url.ts';
import type { PostgresLimits, Statement } from './database.ts';
import { breaksConnection } from './errors.ts';
import type { IdentityRow } from './identity.ts';
import { latestMigration } from './migrate.ts';

/** Maximum time from closing a connection until the other side closes it too (ms); then its socket is destroyed. */
const closeTimeout = 1_000;

/**
 * Idle time after which TCP checks whether the other side still exists (ms). Detects a lost peer on a connection that
 * only listens, and keeps firewalls from dropping that connection.
 */
const keepAliveDelay = 10_000;

/** Maximum time to wait for a new or free connection (ms). */
const connectionTimeout = 3_000;

/**
 * OID of the 64-bit integer type. All 64-bit integers in the store are times and counts, which a double can represent.
 */
const int8 = 20;

const types = {
  // The cast: the driver declares one overload per format, and this function handles both.
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/** Shows in `pg_stat_activity` which servers are connected, and the latest migration that each knows. */
const applicationName = `leads/${latestMigration}`;

/** A connection outside the pool, for a client that listens on it. */
export interface DedicatedConnection {
  client: pg.Client;
  /** Ends the connection at once, regardless of its state. The client emits `end`. */
  destroy(): void;
}

/**
 * The connections to a database. If a transaction pooler (PgBouncer) is in between, nothing is set on a connection,
 * because the next statement may run on another.
 */
export class Connections {
  readonly #pool: pg.Pool;
  readonly #settings: pg.ClientConfig;
  readonly #statementTimeout: number;
  readonly #initialised = new WeakSet<pg.PoolClient>();
  /** Every open socket to PostgreSQL. The driver would wait indefinitely for the other side to close them. */
  readonly #sockets = new Set<Socket>();
  #isPooled: boolean | undefined;
  #isAbandoned = false;
  /** The database as it was opened; undefined: its identity is not known yet. */
  #opened: { statement: Statement; identity: string } | undefined;
  /** Whether another database was found in the place of the opened one. It is then never used again. */
  #isReplaced = false;

  constructor(url: string, limits: PostgresLimits) {
    this.#statementTimeout = limits.statementTimeout;
    this.#settings = {
      connectionString: connectionUrl(url),
      application_name: applicationName,
      query_timeout: limits.responseTimeout,
      connectionTimeoutMillis: connectionTimeout,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelay,
      stream: () => this.#newSocket(),
      types,
    };
    this.#pool = new pg.Pool({ ...this.#settings, max: limits.connections });
    // The pool replaces an idle connection that breaks, and a statement fails with its connection. Without listeners,
    // either error would end the process.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
  }

  /** Whether a pooler shares connections between transactions; known after the first statement. */
  get isPooled(): boolean {
    return this.#isPooled ?? false;
  }

  /** Remembers which database this is. From then on, every new connection notices another one. */
  rememberIdentity(statement: Statement, identity: string): void {
    this.#opened = { statement, identity };
  }

  /** Returns the statement that identifies the opened database; undefined: its identity is not known yet. */
  get identityStatement(): Statement | undefined {
    return this.#opened?.statement;
  }

  /**
   * Compares an identity with the one that was remembered.
   *
   * @throws {StoreUnavailable} if they differ, now or before: no connection is used again
   */
  compareIdentity(row: IdentityRow | undefined): void {
    if (row?.identity !== this.#opened?.identity) this.#isReplaced = true;
    if (this.#isReplaced) throw new StoreUnavailable(replaced);
  }

  /** Returns a new connection outside the pool, not yet connected. The caller must end it. */
  dedicated(): DedicatedConnection {
    const socket = this.#newSocket();
    const client = new pg.Client({ ...this.#settings, stream: () => socket });
    return { client, destroy: () => void socket.destroy() };
  }

  /** Waits for the statements in flight and ends all connections, gracefully for up to a second. */
  async close(): Promise<void> {
    await this.#pool.end();
    const deadline = setTimeout(() => this.abandon(), closeTimeout);
    await Promise.all(Array.from(this.#sockets, (socket) => new Promise((end) => socket.once('close', end))));
    clearTimeout(deadline);
  }

  /**
   * Destroys all connections and makes no new ones. Statements in flight fail as if their connection had been lost;
   * later ones fail with `StoreUnavailable`.
   */
  abandon(): void {
    this.#isAbandoned = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #newSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** Uses a connection of the pool for one statement or transaction. A broken connection does not return to the pool. */
  async use<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#client();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(breaksConnection(error));
      throw error;
    }
  }

  async #client(): Promise<pg.PoolClient> {
    let client: pg.PoolClient;
    if (this.#isAbandoned) throw new StoreUnavailable('The store is closing.');
    if (this.#isReplaced) throw new StoreUnavailable(replaced);
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw connectionError(error);
    }
    if (this.#initialised.has(client)) return client;
    try {
      await this.#initialise(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error instanceof StoreUnavailable ? error : connectionError(error);
    }
  }

  /**
   * Detects a pooler, and sets session parameters if there is none. The process id that a pooler reports is not the
   * server's.
   */
  async #initialise(client: pg.PoolClient): Promise<void> {
    if (this.#isPooled === undefined) {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      this.#isPooled = rows[0].pid !== processIdOf(client);
    }
    if (!this.#isPooled) await client.query(this.#sessionParameters());
    if (this.#opened !== undefined) {
      const { rows } = await client.query<IdentityRow>(this.#opened.statement.text);
      this.compareIdentity(rows[0]);
    }
    this.#initialised.add(client);
  }

  /**
   * PostgreSQL keeps the plan of a prepared statement. Without `enable_seqscan = off`, a plan made while a table is
   * small would read it sequentially once it is large. A statement without a suitable index still reads sequentially,
   * at a planned cost so high that PostgreSQL would compile it, which takes far longer than the statement (JIT).
   */
  #sessionParameters(): string {
    return `
      SET statement_timeout = ${this.#statementTimeout};
      SET default_transaction_isolation = 'read committed';
      SET enable_seqscan = off;
      SET jit = off`;
  }
}

const replaced =
  'The database was replaced while this process was running, such as by a restore, so this connection no longer uses it. A server opens a replaced store of test data (TEST_STORE) again by itself. If the store of live leads was replaced, stop every server, run `leads store mark-restored` if a backup was restored, and start the servers again (docs/operating/backup-and-restore.md).';

function processIdOf(client: pg.PoolClient): number | null {
  // The cast: the driver has this property, but its types do not declare it.
  return (client as unknown as { processID: number | null }).processID;
}
