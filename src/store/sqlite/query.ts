import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/**
 * A prepared statement with typed rows. Every call reads all rows: an unfinished statement would keep its read
 * transaction open, and the log could not be reset.
 */
export class Query<Row = never> {
  readonly #statement: StatementSync;

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql);
  }

  // The casts below: a row has the columns that the SQL names, and STRICT tables guarantee their types.

  /** Returns the first row; undefined: there is none. */
  first(...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement.get(...parameters) as Row | undefined;
  }

  /** Returns all rows. */
  all(...parameters: SQLInputValue[]): Row[] {
    return this.#statement.all(...parameters) as Row[];
  }

  /** Runs a statement that changes rows. Returns the number of changed rows. */
  run(...parameters: SQLInputValue[]): number {
    return Number(this.#statement.run(...parameters).changes);
  }
}
