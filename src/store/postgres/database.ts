import pg from 'pg';
import { StoreBusy } from '../store.ts';
import { type Attempt, ConnectionLost, NotConnected, persist, spoilsConnection } from './fault.ts';

/** A statement that is prepared once on each connection, under its name. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs statements on one connection, inside a transaction. */
export type Run = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

export interface PostgresLimits {
  /** How many connections there may be at once. */
  connections: number;
  /** How long PostgreSQL may work on a statement, in milliseconds. */
  statementTimeout: number;
  /** For how long a fault that passes is waited for, in milliseconds. */
  patience: number;
}

/** A server that does not even say that it gave up is given up so much later, in milliseconds. */
const silence = 1_000;

/** How long a new connection, or a free one, is waited for, in milliseconds. */
const connectionTimeout = 3_000;

/** As PostgreSQL names the type of 64-bit integers; all of ours are times and counts, which a double holds. */
const int8 = 20;

const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format ?? 'text')) as typeof pg.types.getTypeParser,
};

/**
 * The connections to PostgreSQL. A pooler before it (PgBouncer in transaction mode) is noticed: then
 * nothing is prepared or set on a connection, since the next statement may run on another.
 */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #settings: pg.ClientConfig;
  readonly #limits: PostgresLimits;
  readonly #greeted = new WeakSet<pg.PoolClient>();
  #isPooled: boolean | undefined;

  constructor(url: string, limits: PostgresLimits) {
    this.#limits = limits;
    this.#settings = {
      connectionString: url,
      application_name: 'leads',
      query_timeout: limits.statementTimeout + silence,
      types,
    };
    this.#pool = new pg.Pool({
      ...this.#settings,
      max: limits.connections,
      connectionTimeoutMillis: connectionTimeout,
    });
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
    return this.persist(() => this.write<Row>(statement, values));
  }

  /** Runs one statement, as a transaction of its own, once. */
  write<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#withClient(async (client) => {
      const { name, text } = statement;
      const query = this.#isPooled ? { text, values: [...values] } : { name, text, values: [...values] };
      return rowsOf<Row>(client, query);
    });
  }

  /** Runs statements in a transaction. Where it is undone by what passes, all of it is run again. */
  transaction<Result>(work: (run: Run) => Promise<Result>): Promise<Result> {
    return this.persist((before) => {
      if (before.isUncertain) throw new StoreBusy('The connection ended while a change was committed.');
      return this.#withClient(async (client) => {
        const run: Run = (text, values = []) => rowsOf(client, { text, values: [...values] });
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

  /** `persist`, with the patience of this database. */
  persist<Result>(attempt: (before: Attempt) => Promise<Result>): Promise<Result> {
    return persist(attempt, this.#limits.patience);
  }

  /** A connection of its own, outside the pool, for who listens on it. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ ...this.#settings, keepAlive: true });
    await client.connect();
    return client;
  }

  close(): Promise<void> {
    return this.#pool.end();
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

/** Errors are logged, and PostgreSQL's details repeat the row that they are about, which is about a person. */
function withoutValues(error: pg.DatabaseError): pg.DatabaseError {
  error.detail = undefined;
  error.where = undefined;
  return error;
}

/** What the driver throws besides PostgreSQL's own errors is about the connection. */
async function rowsOf<Row>(client: pg.PoolClient, query: pg.QueryConfig): Promise<Row[]> {
  try {
    // The cast: a row has the columns that the SQL names, of the types that the tables declare.
    return (await client.query(query)).rows as Row[];
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw withoutValues(error);
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectionLost(`The connection to PostgreSQL was lost: ${reason}`, { cause: error });
  }
}

function failedConnection(error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.includes('timeout exceeded when trying to connect')) {
    return new StoreBusy('All connections to the store are in use, or it does not answer.', { cause: error });
  }
  return new NotConnected(`PostgreSQL cannot be reached: ${reason}`, { cause: error });
}

function processIdOf(client: pg.PoolClient): number | null {
  // The cast: the driver has it, and its types do not.
  return (client as unknown as { processID: number | null }).processID;
}
