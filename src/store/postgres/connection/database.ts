import { Socket } from 'node:net';
import pg from 'pg';
import { StoreUnavailable } from '../../store.ts';
import { connectionUrl } from './connection-url.ts';
import { type Attempt, ConnectionLost, NotConnected, persist, spoilsConnection } from './fault.ts';
import { latestMigration } from './migrate.ts';
import { isCurrent, newerSchema, type WriteStatement } from './schema-version.ts';

/** A statement that is prepared once on each connection, under its name. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs statements on one connection, inside a transaction. */
export type Run = <Row>(statement: string | Statement, values?: readonly unknown[]) => Promise<Row[]>;

export interface PostgresLimits {
  /** How many connections there may be at once. */
  connections: number;
  /** Maximum time that PostgreSQL spends on a statement (ms). */
  statementTimeout: number;
  /**
   * Maximum time from sending a statement to its response (ms). Longer than `statementTimeout`: a server that is still
   * there reports the timeout itself.
   */
  responseTimeout: number;
  /** For how long a fault that passes is waited for, in milliseconds. */
  patience: number;
}

/** Maximum time from closing a connection to its end on the other side (ms); then its socket is destroyed. */
const goodbyeTimeout = 1_000;

/**
 * Idle time after which TCP checks whether the other side is still there (ms). It finds a peer that is gone on a
 * connection that only listens, and keeps firewalls from forgetting that connection.
 */
const keepAliveDelay = 10_000;

/** How long a new connection, or a free one, is waited for, in milliseconds. */
const connectionTimeout = 3_000;

/**
 * Maximum time for a statement of a migration (ms). It may write large tables anew, or wait for another server that does;
 * a connection that is lost meanwhile is noticed by TCP's keep-alive.
 */
const migrationTimeout = 24 * 3_600_000;

/** As PostgreSQL names the type of 64-bit integers; all of ours are times and counts, which a double holds. */
const int8 = 20;

const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/** Shows in `pg_stat_activity` which servers are connected, and which schema each knows. */
const applicationName = `leads/${latestMigration}`;

/** A connection outside the pool, for a client that listens on it. */
export interface OwnConnection {
  client: pg.Client;
  /** Ends the connection at once, whatever its state. The client emits `end`. */
  cut(): void;
}

/**
 * The connections to PostgreSQL. A pooler before it (PgBouncer in transaction mode) is noticed: then
 * nothing is prepared or set on a connection, since the next statement may run on another.
 */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #settings: pg.ClientConfig;
  readonly #limits: PostgresLimits;
  readonly #greeted = new WeakSet<pg.PoolClient>();
  /** Every socket to PostgreSQL that is not closed yet: the driver waits for the other side to close them, for ever. */
  readonly #sockets = new Set<Socket>();
  #isPooled: boolean | undefined;
  #isAbandoned = false;

  constructor(url: string, limits: PostgresLimits) {
    this.#limits = limits;
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
    // A connection that breaks while it is idle is replaced, and one that is in use fails the statement
    // that is under way on it. Without listeners either would end the process.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
  }

  /** Whether connections are shared with others between transactions; known after the first statement. */
  get isPooled(): boolean {
    return this.#isPooled ?? false;
  }

  /** Runs a statement that changes nothing, again where that is worth trying. */
  read<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.persist(() => this.readOnce<Row>(statement, values));
  }

  /** Runs one statement that changes rows, as a transaction, once. */
  write<Row>(statement: WriteStatement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.readOnce(statement, values);
  }

  /** Runs one statement, as a transaction, once. */
  readOnce<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#withClient(async (client) => {
      return rowsOf<Row>(client, this.#query(statement, values));
    });
  }

  /**
   * Runs statements in a transaction. If it is undone by a fault that passes, all of it is run again.
   *
   * @throws {StoreUnavailable} if a newer version has migrated the store
   */
  transaction<Result>(work: (run: Run) => Promise<Result>): Promise<Result> {
    return this.#transaction(async (run) => {
      const result = await work(run);
      await run(`SELECT ${isCurrent}`);
      return result;
    }, this.#limits.responseTimeout);
  }

  /** As `transaction`, for the migrations themselves: they may take long. */
  migration(work: (run: Run) => Promise<void>): Promise<void> {
    return this.#transaction(work, migrationTimeout);
  }

  #transaction<Result>(work: (run: Run) => Promise<Result>, responseTimeout: number): Promise<Result> {
    return this.persist((before) => {
      if (before.isUncertain)
        throw new StoreUnavailable('The connection ended while a change was committed.');
      return this.#withClient(async (client) => {
        const run: Run = (statement, values = []) =>
          rowsOf(client, { ...this.#query(statement, values), query_timeout: responseTimeout });
        await run('BEGIN ISOLATION LEVEL READ COMMITTED');
        try {
          const result = await work(run);
          await run('COMMIT');
          return result;
        } catch (error) {
          if (!spoilsConnection(error)) await run('ROLLBACK');
          throw error;
        }
      });
    });
  }

  /** Behind a pooler nothing is prepared, since the next statement may run on another connection. */
  #query(statement: string | Statement, values: readonly unknown[]): pg.QueryConfig {
    if (typeof statement === 'string') return { text: statement, values: [...values] };
    const { name, text } = statement;
    return this.#isPooled ? { text, values: [...values] } : { name, text, values: [...values] };
  }

  /** `persist`, with the patience of this database. */
  persist<Result>(attempt: (before: Attempt) => Promise<Result>): Promise<Result> {
    return persist(attempt, this.#limits.patience);
  }

  /** A connection outside the pool that is not connected yet. Whoever asks for it ends it. */
  ownConnection(): OwnConnection {
    const socket = this.#newSocket();
    const client = new pg.Client({ ...this.#settings, stream: () => socket });
    return { client, cut: () => void socket.destroy() };
  }

  /** Waits for the statements in progress and ends all connections, politely for up to a second. */
  async close(): Promise<void> {
    await this.#pool.end();
    const deadline = setTimeout(() => this.abandon(), goodbyeTimeout);
    await Promise.all(Array.from(this.#sockets, (socket) => new Promise((end) => socket.once('close', end))));
    clearTimeout(deadline);
  }

  /**
   * Destroys all connections and makes no more. Statements in progress fail as if their connection had been lost; later
   * ones fail with `StoreUnavailable`.
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

  async #withClient<Result>(use: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#client();
    try {
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      client.release(spoilsConnection(error));
      throw error;
    }
  }

  async #client(): Promise<pg.PoolClient> {
    let client: pg.PoolClient;
    if (this.#isAbandoned) throw new StoreUnavailable('The store is being closed.');
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw failedConnection(error);
    }
    if (this.#greeted.has(client)) return client;
    try {
      await this.#greet(client);
      return client;
    } catch (error) {
      client.release(true);
      throw failedConnection(error);
    }
  }

  /**
   * What is set on a connection that is nobody else's. The plan of a prepared statement is kept, and one
   * that was made while the tables were nearly empty would read them whole when they have grown; where a
   * statement has no index to go by, they are read whole all the same.
   */
  #manners(): string {
    return `
      SET statement_timeout = ${this.#limits.statementTimeout};
      SET default_transaction_isolation = 'read committed';
      SET enable_seqscan = off`;
  }

  /** A pooler gives a process id of its own making, which is not that of the server behind it. */
  async #greet(client: pg.PoolClient): Promise<void> {
    if (this.#isPooled === undefined) {
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      this.#isPooled = rows[0].pid !== processIdOf(client);
    }
    if (!this.#isPooled) await client.query(this.#manners());
    this.#greeted.add(client);
  }
}

function outdated(error: pg.DatabaseError): StoreUnavailable {
  return new StoreUnavailable(
    `A newer version has migrated the store, so this server writes nothing any more. Stop it and start the newer version. ${error.message}`,
    { cause: error },
  );
}

/** Errors are logged, and PostgreSQL's details repeat the row that they are about, which is about a person. */
function withoutValues(error: pg.DatabaseError): pg.DatabaseError {
  error.detail = undefined;
  error.where = undefined;
  return error;
}

/** A query with a timeout of its own (ms), which the driver has and its types do not. */
interface TimedQuery extends pg.QueryConfig {
  query_timeout?: number;
}

/** What the driver throws besides PostgreSQL's own errors is about the connection. */
async function rowsOf<Row>(client: pg.PoolClient, query: TimedQuery): Promise<Row[]> {
  try {
    // The cast: a row has the columns that the SQL names, of the types that the tables declare.
    return (await client.query(query)).rows as Row[];
  } catch (error) {
    if (error instanceof pg.DatabaseError)
      throw error.code === newerSchema ? outdated(error) : withoutValues(error);
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectionLost(`The connection to PostgreSQL was lost: ${reason}`, { cause: error });
  }
}

function failedConnection(error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.includes('timeout exceeded when trying to connect')) {
    return new StoreUnavailable('All connections to the store are in use, or it does not answer.', {
      cause: error,
    });
  }
  return new NotConnected(`PostgreSQL cannot be reached: ${reason}`, { cause: error });
}

function processIdOf(client: pg.PoolClient): number | null {
  // The cast: the driver has it, and its types do not.
  return (client as unknown as { processID: number | null }).processID;
}
