/** A parameter's value. A list of texts is compared with `SqlDialect.inList`. */
export type SqlValue = string | number | null | readonly string[];

/** What the databases do not write alike. */
export interface SqlDialect {
  /** Ends a query: locks the rows that it reads from a table until the transaction ends. */
  lock(table: string): string;
  /** Like `lock`, but leaves out rows that another transaction has locked. */
  lockUnlocked(table: string): string;
  /** Ends a condition: whether the expression before it is in a list. @param list parameter, such as `$1` */
  inList(list: string): string;
  /** Ends a condition: whether the expression before it is among the results of a query, which runs first. */
  inQuery(query: string): string;
}

/** A column of a row that holds a truth value; SQLite stores it as 0 or 1. */
type BooleanColumn<Row> = {
  [Column in keyof Row]-?: Row[Column] extends boolean ? Column : never;
}[keyof Row];

/** Columns that hold truth values: all of a row's, and no others. */
type BooleanColumns<Row> = [BooleanColumn<Row>] extends [never]
  ? []
  : [booleans: Record<BooleanColumn<Row>, true>];

/** An SQL statement that each store prepares once and runs as it is. Its parameters are `$1`, `$2`, and so on. */
export interface SqlStatement<Row extends object = object> {
  /** Name by which PostgreSQL knows the prepared statement; empty: it is not prepared ahead. */
  name: string;
  textIn(dialect: SqlDialect): string;
  booleans: readonly string[];
  /** Never set: it ties the type of the rows to the statement. */
  row?: Row;
}

/** Makes a statement, whose rows have the columns of `Row`. */
export function statement<Row extends object = object>(
  name: string,
  text: string | ((dialect: SqlDialect) => string),
  ...[booleans]: BooleanColumns<Row>
): SqlStatement<Row> {
  const textIn = typeof text === 'string' ? () => text : text;
  return { name, textIn, booleans: Object.keys(booleans ?? {}) };
}
