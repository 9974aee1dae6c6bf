/** A parameter's value. A list of texts is compared with `SqlDialect.inList`. */
export type SqlValue = string | number | null | readonly string[];

/** SQL that differs between the databases. */
export interface SqlDialect {
  /** Ends a query: locks the rows that it reads from a table until the transaction ends. */
  lock(table: string): string;
  /** Like `lock`, but leaves out rows that another transaction has locked. */
  lockAvailable(table: string): string;
  /** Ends a condition: whether the expression before it is in a list. @param list parameter, such as `$1` */
  inList(list: string): string;
  /** Ends a condition: whether the expression before it is among the results of a query, which runs first. */
  inQuery(query: string): string;
  /**
   * Numbers that order transactions: those that began before `end` and have not ended are not before `start`. Equal if
   * there is one writer at a time.
   */
  transactions: { start: string; end: string };
  /**
   * A table named `sent` with a row for each object in a JSON array.
   *
   * @param array parameter, such as `$1`
   * @param columns types of the members that it reads
   */
  records(array: string, columns: Readonly<Record<string, 'text' | 'bigint'>>): string;
  /** Expression: the latest time for which claims can be made. @param now parameter for this process's clock */
  claimableUntil(now: string): string;
  /** Expression: the time from which leases count. @param now parameter for this process's clock */
  leaseStart(now: string): string;
}

/** Columns of a row that hold a boolean. */
type BooleanColumn<Row> = {
  [Column in keyof Row]-?: Row[Column] extends boolean ? Column : never;
}[keyof Row];

/** The boolean columns of a row, each of which must be listed: SQLite returns 0 and 1. */
type BooleanColumns<Row> = [BooleanColumn<Row>] extends [never]
  ? []
  : [booleans: Record<BooleanColumn<Row>, true>];

/** An SQL statement that both stores run. Its parameters are `$1`, `$2`, and so on. */
export interface SqlStatement<Row extends object = object> {
  /** Name under which PostgreSQL prepares it; empty: it is prepared for each call. */
  name: string;
  textIn(dialect: SqlDialect): string;
  booleans: readonly string[];
  /** Never set: it ties the type of the rows to the statement. */
  row?: Row;
}

/** Creates a statement whose rows have the columns of `Row`. */
export function statement<Row extends object = object>(
  name: string,
  text: string | ((dialect: SqlDialect) => string),
  ...[booleans]: BooleanColumns<Row>
): SqlStatement<Row> {
  const textIn = typeof text === 'string' ? () => text : text;
  return { name, textIn, booleans: Object.keys(booleans ?? {}) };
}
