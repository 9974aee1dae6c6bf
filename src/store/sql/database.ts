import type { SqlStatement, SqlValue } from './statement.ts';

/** One step of a change: a statement to run. */
export interface Step {
  statement: SqlStatement;
  values: readonly SqlValue[];
}

/**
 * A change as a generator of its statements: SQLite runs all of them within a commit of its queue, PostgreSQL awaits each
 * within a transaction. A store may restart a change, so a change must have no effect except its statements.
 */
export type Steps<Result> = Generator<Step, Result, readonly object[]>;

/** A database that runs the statements of both stores. */
export interface SqlDatabase {
  /** Runs a change as one transaction. If it throws, nothing is changed. Resolves once the transaction is durable. */
  change<Result>(begin: () => Steps<Result>): Promise<Result>;
  /** Runs a statement that changes nothing, and returns all its rows. */
  read<Row extends object>(statement: SqlStatement<Row>, ...values: SqlValue[]): Promise<Row[]>;
}

/** Runs a statement within a change, and returns its rows. */
export function* run<Row extends object>(
  statement: SqlStatement<Row>,
  ...values: SqlValue[]
): Steps<readonly Row[]> {
  // The cast: a store returns the rows of the statement for each step.
  return (yield { statement, values }) as readonly Row[];
}

/** Runs a statement within a change, and returns its first row. */
export function* runFirst<Row extends object>(
  statement: SqlStatement<Row>,
  ...values: SqlValue[]
): Steps<Row | undefined> {
  return (yield* run(statement, ...values))[0];
}

/** Returns a change without statements, whose result is already known. */
export function* finished<Result>(result: Result): Steps<Result> {
  yield* [];
  return result;
}
