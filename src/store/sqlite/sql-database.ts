import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { BoundStatement, SqlDatabase } from '../sql/database.ts';
import type { SqlDialect, SqlStatement, SqlValue } from '../sql/statement.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

/** Nothing to lock: SQLite has one writer at a time. */
const dialect: SqlDialect = {
  lock: () => '',
  lockAvailable: () => '',
  inList: (list) => `IN (SELECT value FROM json_each(${list}))`,
  inQuery: (query) => `IN (${query})`,
  transactions: { start: '0', end: '0' },
  records: (array, columns) => {
    const members = Object.keys(columns).map((name) => `value ->> '${name}' AS ${name}`);
    return `(SELECT ${members.join(', ')} FROM json_each(${array})) AS sent`;
  },
  claimableUntil: (now) => now,
  leaseStart: (now) => now,
};

/** A row as SQLite returns it: a boolean is 0 or 1. */
type Row = Record<string, unknown>;

/**
 * Runs the statements that both stores share: each is prepared once, and a change runs within a commit of the queue.
 */
export function sqliteSqlDatabase(database: DatabaseSync, queue: CommitQueue): SqlDatabase {
  const prepared = new WeakMap<SqlStatement, Query<Row>>();

  function prepare(statement: SqlStatement): Query<Row> {
    const query = new Query<Row>(database, statement.textIn(dialect).replaceAll(/\$(\d)/g, '?$1'));
    prepared.set(statement, query);
    return query;
  }

  function rowsOf({ statement, values }: BoundStatement): Row[] {
    const query = prepared.get(statement) ?? prepare(statement);
    const rows = query.all(...values.map(sqliteValue));
    for (const row of rows) {
      for (const column of statement.booleans) row[column] = row[column] === 1;
    }
    return rows;
  }

  return {
    change: (begin) =>
      queue.write(() => {
        const change = begin();
        let state = change.next([]);
        while (!state.done) state = change.next(rowsOf(state.value));
        return state.value;
      }),

    // The cast: rows have the columns that the statement's type names.
    read: <Result extends object>(statement: SqlStatement<Result>, ...values: SqlValue[]) =>
      queue.read(() => rowsOf({ statement, values }) as Result[]),
  };
}

function sqliteValue(value: SqlValue): SQLInputValue {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}
