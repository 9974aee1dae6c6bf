import { Socket } from 'node:net';
import pg from 'pg';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { connectionError } from './connection-error.ts';
import { connectionUrl } from './connection-url.ts';
import { breaksConnection, ConnectionLost, reasonOf } from './errors.ts';
import { type IdentityRow, identityStatement } from './identity.ts';
import { latestMigration } from './migrate.ts';
import { type RetryState, withRetries } from './retry.ts';
import { isCurrent, newerSchema, type WriteStatement } from './schema-version.ts';

/** A statement that is prepared once on each connection, under its name. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs a statement on one connection, inside a transaction. */
export type Run = <Row>(statement: string | Statement, values?: readonly unknown[]) => Promise<Row[]>;

/** Limits of the connections to PostgreSQL. */
export interface PostgresLimits {
  /** Maximum number of connections. */
  connections: number;
  /** Maximum time that PostgreSQL spends on a statement (ms). */
  statementTimeout: number;
  /**
   * Maximum time from sending a statement to its response (ms). Longer than `statementTimeout`, so that a server that
   * is still there reports the timeout itself.
   */
  responseTimeout: number;
  /** Time during which transient failures are retried (ms). */
  retryTimeout: number;
}

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
 * Maximum time for a statement of a migration (ms). It may rewrite large tables, or wait for another server that does.
 * TCP keep-alive detects a connection that is lost meanwhile.
 */
const migrationTimeout = 24 * 3_600_000;

/**
 * Time during which a migration is repeated after transient failures (ms). Statements of older servers lock tables in
 * different orders, so under load PostgreSQL may have to end several deadlocks, after a second each.
 */
const migrationRetryTimeout = 60_000;

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
 * The connections to PostgreSQL. If a transaction pooler (PgBouncer) is in between, nothing is prepared or set on a
 * connection, because the next statement may run on another.
 */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #settings: pg.ClientConfig;
  readonly #limits: PostgresLimits;
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
    // The pool replaces an idle connection that breaks, and a statement fails with its connection. Without listeners,
    // either error would end the process.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
  }

  /** Whether a pooler shares connections between transactions; known after the first statement. */
  get isPooled(): boolean {
    return this.#isPooled ?? false;
  }

  /** Reads which database this is. From then on, every new connection and `checkIdentity` notice another one. */
  async rememberIdentity(): Promise<void> {
    const statement = await identityStatement(this);
    const [row] = await this.read<IdentityRow>(statement);
    this.#opened = { statement, identity: row?.identity ?? '' };
  }

  /**
   * Checks that the database is still the one whose identity was remembered, without retries.
   *
   * @throws {StoreUnavailable} if it was replaced, such as by a restore: its leads may have been delivered already
   */
  async checkIdentity(): Promise<void> {
    if (this.#opened === undefined) return;
    const [row] = await this.runOnce<IdentityRow>(this.#opened.statement);
    this.#compare(row);
  }

  #compare(row: IdentityRow | undefined): void {
    if (row?.identity !== this.#opened?.identity) this.#isReplaced = true;
    if (this.#isReplaced) throw new StoreUnavailable(replaced);
  }

  /** Runs a statement that changes nothing, and retries it after transient failures. */
  read<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.withRetries(() => this.runOnce<Row>(statement, values));
  }

  /** Runs a statement that changes rows, as its own transaction, without retries. */
  write<Row>(statement: WriteStatement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.runOnce<Row>(statement, values);
  }

  /** Runs a statement as its own transaction, without retries. */
  runOnce<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#withClient(async (client) => {
      return runQuery<Row>(client, this.#query(statement, values));
    });
  }

  /**
   * Runs statements in a transaction. After a transient failure the whole transaction is retried.
   *
   * @throws {StoreUnavailable} if a newer version has migrated the store, or the outcome of COMMIT is unknown
   */
  transaction<Result>(work: (run: Run) => Promise<Result>): Promise<Result> {
    return this.#transaction(async (run) => {
      const result = await work(run);
      await run(`SELECT ${isCurrent}`);
      return result;
    }, this.#limits);
  }

  /** Like `transaction`, for migrations, which may take long and change the schema version. */
  migration(work: (run: Run) => Promise<void>): Promise<void> {
    return this.#transaction(work, {
      responseTimeout: migrationTimeout,
      retryTimeout: migrationRetryTimeout,
    });
  }

  #transaction<Result>(
    work: (run: Run) => Promise<Result>,
    { responseTimeout, retryTimeout }: Pick<PostgresLimits, 'responseTimeout' | 'retryTimeout'>,
  ): Promise<Result> {
    return withRetries(({ mayHaveCommitted }) => {
      if (mayHaveCommitted) {
        throw new StoreUnavailable(
          'The connection to PostgreSQL was lost during a transaction, so its outcome is unknown.',
        );
      }
      return this.#transactionOnce(work, responseTimeout);
    }, retryTimeout);
  }

  /** Runs statements that check the schema version in a transaction, without retries. */
  transactionOnce<Result>(work: (run: Run) => Promise<Result>): Promise<Result> {
    return this.#transactionOnce(work, this.#limits.responseTimeout);
  }

  #transactionOnce<Result>(work: (run: Run) => Promise<Result>, responseTimeout: number): Promise<Result> {
    return this.#withClient(async (client) => {
      const run: Run = (statement, values = []) =>
        runQuery(client, { ...this.#query(statement, values), query_timeout: responseTimeout });
      await run('BEGIN ISOLATION LEVEL READ COMMITTED');
      try {
        const result = await work(run);
        await run('COMMIT');
        return result;
      } catch (error) {
        if (!breaksConnection(error)) await run('ROLLBACK');
        throw error;
      }
    });
  }

  /** Behind a pooler nothing is prepared, because the next statement may run on another connection. */
  #query(statement: string | Statement, values: readonly unknown[]): pg.QueryConfig {
    if (typeof statement === 'string') return { text: statement, values: [...values] };
    const { name, text } = statement;
    return this.#isPooled ? { text, values: [...values] } : { name, text, values: [...values] };
  }

  /** Retries transient failures for as long as this database's limits allow (see `withRetries`). */
  withRetries<Result>(attempt: (state: RetryState) => Promise<Result>): Promise<Result> {
    return withRetries(attempt, this.#limits.retryTimeout);
  }

  /** Returns a new connection outside the pool, not yet connected. The caller must end it. */
  dedicatedConnection(): DedicatedConnection {
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

  async #withClient<Result>(use: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#client();
    try {
      const result = await use(client);
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
      this.#compare(rows[0]);
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
      SET statement_timeout = ${this.#limits.statementTimeout};
      SET default_transaction_isolation = 'read committed';
      SET enable_seqscan = off;
      SET jit = off`;
  }
}

/** SQLSTATE of a statement that the user has no right to run. */
const insufficientPrivilege = '42501';

/** What to do if the user of the store may not use the tables. */
export const makeOwner =
  'Make the user in DATABASE_URL the owner of the database and of its tables (docs/operating/postgresql.md#wrong-owner).';

const replaced =
  'The database was replaced while this process was running, such as by a restore, so this process no longer uses it. Stop every server, run `leads store mark-restored` if a backup was restored, and start the servers again (docs/operating/backup-and-restore.md).';

function newerSchemaError(error: pg.DatabaseError): StoreUnavailable {
  return new StoreUnavailable(
    `A newer version has migrated the store, so this server no longer writes to it. Stop this server and start the newer version. ${error.message}`,
    { cause: error },
  );
}

/** Removes personal data: errors are logged, and PostgreSQL's details repeat the row that caused them. */
function redacted(error: pg.DatabaseError): pg.DatabaseError {
  error.detail = undefined;
  error.where = undefined;
  return error;
}

/** A query with its own timeout (ms), which the driver supports but its types do not declare. */
interface TimedQuery extends pg.QueryConfig {
  query_timeout?: number;
}

/** Runs a query. Any error of the driver that is not one of PostgreSQL's is a connection error. */
async function runQuery<Row>(client: pg.PoolClient, query: TimedQuery): Promise<Row[]> {
  try {
    // The cast: a row has the columns that the SQL names, of the types that the tables declare.
    return (await client.query(query)).rows as Row[];
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      if (error.code === insufficientPrivilege) error.message = `${error.message}. ${makeOwner}`;
      throw error.code === newerSchema ? newerSchemaError(error) : redacted(error);
    }
    throw new ConnectionLost(`The connection to PostgreSQL was lost (${reasonOf(error)}).`, { cause: error });
  }
}

function processIdOf(client: pg.PoolClient): number | null {
  // The cast: the driver has this property, but its types do not declare it.
  return (client as unknown as { processID: number | null }).processID;
}
