import { type ArchiveRow, type ArchiveTable, keyOf, orderOf } from '../archive.ts';
import type { Archive } from '../store.ts';
import type { PostgresDatabase } from './connection/database.ts';

/** The columns that PostgreSQL numbers itself: a row that is added after a copy must get a larger number. */
const numbered: Readonly<Record<string, string>> = {
  lead_type: 'id',
  partner: 'id',
  submission: 'sequence',
  rerun: 'id',
  attempt: 'id',
};

export function postgresArchive(database: PostgresDatabase): Archive {
  return {
    rows(table, after, limit) {
      const where = after === undefined ? '' : `WHERE ${keyOf(table)} > (${placeholders(table.keys)})`;
      const text = `SELECT ${columnsOf(table)} FROM ${table.name} ${where}
        ORDER BY ${orderOf(table, 'ASC')} LIMIT ${limit}`;
      return rowsOf(database, table, text, keyValues(table, after));
    },

    async lastRow(table) {
      const text = `SELECT ${columnsOf(table)} FROM ${table.name} ORDER BY ${orderOf(table, 'DESC')} LIMIT 1`;
      return (await rowsOf(database, table, text, []))[0];
    },

    async countRows(table, upTo) {
      const where = upTo === undefined ? '' : `WHERE ${keyOf(table)} <= (${placeholders(table.keys)})`;
      const text = `SELECT count(*) AS count FROM ${table.name} ${where}`;
      const [row] = await database.read<{ count: number }>({ name: '', text }, keyValues(table, upTo));
      return row?.count ?? 0;
    },

    addRows(table, rows) {
      const columns = table.columns.join(', ');
      const objects = rows.map((row) =>
        Object.fromEntries(table.columns.map((name, index) => [name, row[index]])),
      );
      return database.transaction(async (run) => {
        await run(
          `INSERT INTO ${table.name} (${columns})
           SELECT ${columns} FROM json_populate_recordset(NULL::${table.name}, $1::json)
           ON CONFLICT DO NOTHING`,
          [JSON.stringify(objects)],
        );
        const column = numbered[table.name];
        if (column === undefined) return;
        const place = table.columns.indexOf(column);
        const largest = Math.max(1, ...rows.map((row) => Number(row[place])));
        // Not from the table: without an index on the column each page would read all of it.
        await run(
          'SELECT setval(name, greatest(pg_sequence_last_value(name), $3)) FROM CAST(pg_get_serial_sequence($1, $2) AS regclass) AS name',
          [table.name, column, largest],
        );
      });
    },
  };
}

async function rowsOf(
  database: PostgresDatabase,
  { columns }: ArchiveTable,
  text: string,
  values: ArchiveRow,
): Promise<ArchiveRow[]> {
  const rows = await database.read<Record<string, string | number | null>>({ name: '', text }, values);
  return rows.map((row) => columns.map((column) => row[column] ?? null));
}

function columnsOf({ columns, truths }: ArchiveTable): string {
  return columns
    .map((column) => (truths?.includes(column) ? `${column}::integer AS ${column}` : column))
    .join(', ');
}

function keyValues({ keys }: ArchiveTable, row: ArchiveRow | undefined): ArchiveRow {
  return row?.slice(0, keys) ?? [];
}

function placeholders(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ');
}
