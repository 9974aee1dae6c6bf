import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/**
 * A prepared statement whose rows have a known shape. Every call reads its rows to the end: a statement that stays open
 * keeps a read transaction, and SQLite's log grows until it ends.
 */
export class Query<Row = never> {
  readonly #statement: StatementSync;

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql);
  }

  // The casts below: a row has the columns that the SQL beside it names, and STRICT tables hold the
  // types that they declare. SQLite cannot tell TypeScript either of the two.

  first(...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...parameters) as Row | undefined;
  }

  all(...parameters: SQLInputValue[]): Row[] {
    return this.#statement.all(...parameters) as Row[];
  }

  /** Runs a statement that changes rows, and tells how many it changed. */
  run(...parameters: SQLInputValue[]): number {
    return Number(this.#statement.run(...parameters).changes);
  }
}
