import type { SqlStatement, SqlValue } from './statement.ts';

/** A statement with the values of its parameters. */
export interface BoundStatement {
  statement: SqlStatement;
  values: readonly SqlValue[];
}

/**
 * A change as a generator of its statements: SQLite runs all of them within a commit of its queue, PostgreSQL awaits
 * each within a transaction. A store may restart a change, so a change must have no effect except its statements.
 */
export type Change<Result> = Generator<BoundStatement, Result, readonly object[]>;

/** A database that runs the statements of both stores. */
export interface SqlDatabase {
  /**
   * Runs a change as one transaction. If it throws, nothing is changed. Resolves once the transaction is durable.
   *
   * @param begin starts the change; called again if the store restarts it
   */
  change<Result>(begin: () => Change<Result>): Promise<Result>;
  /** Runs a statement that changes nothing, and returns all its rows. */
  read<Row extends object>(statement: SqlStatement<Row>, ...values: SqlValue[]): Promise<Row[]>;
}

/** Runs a statement within a change, and returns its rows. */
export function* run<Row extends object>(
  statement: SqlStatement<Row>,
  ...values: SqlValue[]
): Change<readonly Row[]> {
  // The cast: a store resumes a change with the rows of the statement that it yielded.
  return (yield { statement, values }) as readonly Row[];
}

/** Runs a statement within a change, and returns its first row. */
export function* firstRow<Row extends object>(
  statement: SqlStatement<Row>,
  ...values: SqlValue[]
): Change<Row | undefined> {
  return (yield* run(statement, ...values))[0];
}

/** Returns a change that runs no statements, because its result is already known. */
export function* completedChange<Result>(result: Result): Change<Result> {
  yield* [];
  return result;
}
