import type { Change, SqlDatabase } from '../sql/database.ts';
import type { SqlDialect, SqlStatement, SqlValue } from '../sql/statement.ts';
import type { PostgresDatabase, Statement } from './connection/database.ts';
import { isUniqueViolation } from './connection/errors.ts';
import { claimableUntil, databaseNow } from './delivery/due-leads.ts';
import { storableText } from './storable-text.ts';

const dialect: SqlDialect = {
  lock: (table) => `FOR UPDATE OF ${table}`,
  lockAvailable: (table) => `FOR UPDATE OF ${table} SKIP LOCKED`,
  inList: (list) => `= ANY (${list}::text[])`,
  // As an array, because the planner may join a subquery by scanning whole tables.
  inQuery: (query) => `= ANY (ARRAY(${query}))`,
  transactions: {
    start: 'CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)',
    end: 'CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)',
  },
  records: (array, columns) => {
    const definitions = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
    return `json_to_recordset(${array}::json) AS sent (${definitions.join(', ')})`;
  },
  claimableUntil,
  // The parameter must occur, so that each database has the same ones.
  leaseStart: (now) => `coalesce(${databaseNow}, ${now}::bigint)`,
};

/** Runs the statements that both stores share: a change waits for each of its statements, within a transaction. */
export function postgresSqlDatabase(database: PostgresDatabase): SqlDatabase {
  async function changeOnce<Result>(begin: () => Change<Result>): Promise<Result> {
    return database.transaction(async (run) => {
      const change = begin();
      let state = change.next([]);
      while (!state.done) {
        const { statement, values } = state.value;
        state = change.next(await run(postgresStatement(statement), values.map(postgresValue)));
      }
      return state.value;
    });
  }

  return {
    async change(begin) {
      try {
        return await changeOnce(begin);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        // Another command has just committed the same name: the repeated change finds it, and explains that.
        return changeOnce(begin);
      }
    },

    read: (statement, ...values) => database.read(postgresStatement(statement), values.map(postgresValue)),
  };
}

function postgresStatement({ name, textIn }: SqlStatement): Statement {
  return { name, text: textIn(dialect) };
}

function postgresValue(value: SqlValue): SqlValue {
  return typeof value === 'string' ? storableText(value) : value;
}
