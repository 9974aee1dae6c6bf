import type { Table, TableRow, Tables } from '../tables.ts';
import type { SqlDatabase } from './database.ts';
import { type SqlStatement, statement } from './statement.ts';

/** Reads a database's tables, for copying them to another store. */
export function tableReader(database: SqlDatabase): Omit<Tables, 'addRows'> {
  return {
    rows(table, after, limit) {
      const { where, values } = beyond(table, '>', after);
      return read(database, table, `${where} ORDER BY ${orderOf(table, 'ASC')} LIMIT ${limit}`, values);
    },

    async lastRow(table) {
      return (await read(database, table, `ORDER BY ${orderOf(table, 'DESC')} LIMIT 1`, []))[0];
    },

    async countRows(table, upTo) {
      const { where, values } = beyond(table, '<=', upTo);
      const count: SqlStatement<{ count: number }> = statement(
        '',
        `SELECT count(*) AS count FROM ${table.name} ${where}`,
      );
      return (await database.read(count, ...values))[0]?.count ?? 0;
    },
  };
}

/** Returns the columns of a table for a query, whose rows have the same values in each store: a boolean is 0 or 1. */
export function selectedColumns({ columns, booleans = [] }: Pick<Table, 'columns' | 'booleans'>): string {
  return columns
    .map((column) => (booleans.includes(column) ? `CAST(${column} AS integer) AS ${column}` : column))
    .join(', ');
}

async function read(
  database: SqlDatabase,
  table: Table,
  clauses: string,
  values: TableRow,
): Promise<TableRow[]> {
  const rows = await database.read(
    statement<Record<string, string | number | null>>(
      '',
      `SELECT ${selectedColumns(table)} FROM ${table.name} ${clauses}`,
    ),
    ...values,
  );
  return rows.map((row) => table.columns.map((column) => row[column] ?? null));
}

/** Restricts a query to the rows on one side of a row, in the order of the key; undefined: all rows. */
function beyond(
  { columns, keyLength }: Table,
  comparison: '>' | '<=',
  row: TableRow | undefined,
): { where: string; values: TableRow } {
  if (row === undefined) return { where: '', values: [] };
  const key = columns.slice(0, keyLength);
  const parameters = key.map((_, index) => `$${index + 1}`);
  return {
    where: `WHERE (${key.join(', ')}) ${comparison} (${parameters.join(', ')})`,
    values: row.slice(0, keyLength),
  };
}

function orderOf({ columns, keyLength }: Table, direction: 'ASC' | 'DESC'): string {
  return columns
    .slice(0, keyLength)
    .map((column) => `${column} ${direction}`)
    .join(', ');
}
