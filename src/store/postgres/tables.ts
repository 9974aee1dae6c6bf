import type { Tables } from '../tables.ts';
import type { PostgresDatabase } from './connection/database.ts';

/** Columns that PostgreSQL numbers itself: a row that is added after a copy must get a larger number. */
const numbered: Readonly<Record<string, string>> = {
  lead_type: 'id',
  partner: 'id',
  submission: 'sequence',
  rerun: 'id',
  attempt: 'id',
  operator_action: 'id',
  audit_entry: 'id',
  registry_list: 'id',
  partner_event: 'ordinal',
  webhook_attempt: 'id',
};

/** Adds rows that are copied from another store. */
export function postgresTableWriter(database: PostgresDatabase): Pick<Tables, 'addRows'> {
  return {
    addRows({ name, columns }, rows) {
      const objects = rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]])));
      return database.transaction(async (run) => {
        await run(
          `INSERT INTO ${name} (${columns.join(', ')})
           SELECT ${columns.join(', ')} FROM json_populate_recordset(NULL::${name}, $1::json)
           ON CONFLICT DO NOTHING`,
          [JSON.stringify(objects)],
        );
        const column = numbered[name];
        if (column === undefined) return;
        const place = columns.indexOf(column);
        const largest = Math.max(1, ...rows.map((row) => Number(row[place])));
        // Uses only these rows: without an index on the column, the maximum of the table would require reading all of
        // it.
        await run(
          `SELECT setval(name, greatest(pg_sequence_last_value(name), $3))
           FROM CAST(pg_get_serial_sequence($1, $2) AS regclass) AS name`,
          [name, column, largest],
        );
      });
    },
  };
}
