import type pg from 'pg';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { Connections, type DedicatedConnection } from './connections.ts';
import { breaksConnection } from './errors.ts';
import { type IdentityRow, identityStatement } from './identity.ts';
import { type RetryState, withRetries } from './retry.ts';
import { runQuery } from './run-query.ts';
import { isCurrent, type WriteStatement } from './schema-version.ts';

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

/** Runs statements and transactions in PostgreSQL. */
export class PostgresDatabase {
  readonly #limits: PostgresLimits;
  readonly #connections: Connections;

  constructor(url: string, limits: PostgresLimits) {
    this.#limits = limits;
    this.#connections = new Connections(url, limits);
  }

  /** Whether a pooler shares connections between transactions; known after the first statement. */
  get isPooled(): boolean {
    return this.#connections.isPooled;
  }

  /** Reads which database this is. From then on, every new connection and `checkIdentity` notice another one. */
  async rememberIdentity(): Promise<void> {
    const statement = await identityStatement(this);
    const [row] = await this.read<IdentityRow>(statement);
    this.#connections.rememberIdentity(statement, row?.identity ?? '');
  }

  /**
   * Checks that the database is still the one whose identity was remembered, without retries.
   *
   * @throws {StoreUnavailable} if it was replaced, such as by a restore: its leads may have been delivered already
   */
  async checkIdentity(): Promise<void> {
    const statement = this.#connections.identityStatement;
    if (statement === undefined) return;
    const [row] = await this.runOnce<IdentityRow>(statement);
    this.#connections.compareIdentity(row);
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
    return this.#connections.use(async (client) => {
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
    return this.#connections.use(async (client) => {
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
    return this.isPooled ? { text, values: [...values] } : { name, text, values: [...values] };
  }

  /** Retries transient failures for as long as this database's limits allow (see `withRetries`). */
  withRetries<Result>(attempt: (state: RetryState) => Promise<Result>): Promise<Result> {
    return withRetries(attempt, this.#limits.retryTimeout);
  }

  /** Returns a new connection outside the pool, not yet connected. The caller must end it. */
  dedicatedConnection(): DedicatedConnection {
    return this.#connections.dedicated();
  }

  /** Waits for the statements in flight and ends all connections, gracefully for up to a second. */
  close(): Promise<void> {
    return this.#connections.close();
  }

  /**
   * Destroys all connections and makes no new ones. Statements in flight fail as if their connection had been lost;
   * later ones fail with `StoreUnavailable`.
   */
  abandon(): void {
    this.#connections.abandon();
  }
}
