import type { DatabaseSync } from 'node:sqlite';
import { type ArchiveRow, type ArchiveTable, keyOf, orderOf } from '../archive.ts';
import type { Archive } from '../store.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

export function sqliteArchive(database: DatabaseSync, queue: CommitQueue): Archive {
  return {
    async rows(table, after, limit) {
      const where = after === undefined ? '' : `WHERE ${keyOf(table)} > (${placeholders(table.keys)})`;
      const sql = `SELECT ${table.columns.join(', ')} FROM ${table.name} ${where}
        ORDER BY ${orderOf(table, 'ASC')} LIMIT ?`;
      return rowsOf(database, table, sql, [...keyValues(table, after), limit]);
    },

    async lastRow(table) {
      const sql = `SELECT ${table.columns.join(', ')} FROM ${table.name}
        ORDER BY ${orderOf(table, 'DESC')} LIMIT 1`;
      return rowsOf(database, table, sql, [])[0];
    },

    async countRows(table, upTo) {
      const where = upTo === undefined ? '' : `WHERE ${keyOf(table)} <= (${placeholders(table.keys)})`;
      const query = new Query<{ count: number }>(
        database,
        `SELECT count(*) AS count FROM ${table.name} ${where}`,
      );
      return query.first(...keyValues(table, upTo))?.count ?? 0;
    },

    addRows(table, rows) {
      const insert = new Query(
        database,
        `INSERT INTO ${table.name} (${table.columns.join(', ')})
         VALUES (${placeholders(table.columns.length)}) ON CONFLICT DO NOTHING`,
      );
      return queue.write(() => {
        for (const row of rows) insert.run(...row);
      });
    },
  };
}

function rowsOf(
  database: DatabaseSync,
  { columns }: ArchiveTable,
  sql: string,
  values: ArchiveRow,
): ArchiveRow[] {
  const query = new Query<Record<string, string | number | null>>(database, sql);
  return query.all(...values).map((row) => columns.map((column) => row[column] ?? null));
}

function keyValues({ keys }: ArchiveTable, row: ArchiveRow | undefined): ArchiveRow {
  return row?.slice(0, keys) ?? [];
}

function placeholders(count: number): string {
  return Array(count).fill('?').join(', ');
}
