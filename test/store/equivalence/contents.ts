/** The rows of a store, in a form in which both stores' rows are equal. */
import { type Table, type TableRow, tablesToCopy } from '../../../src/store/tables.ts';
import type { Subject } from './subject.ts';

/** Everything that a store holds, for a comparison at the end of a sequence. */
export async function contentsOf({ store }: Subject): Promise<unknown> {
  const rows: [name: string, rows: TableRow[]][] = [];
  // One after the other, so that one connection is enough on a busy machine.
  for (const table of tablesToCopy.filter(({ name }) => name !== 'evidence_pending'))
    rows.push([table.name, ranked(table, comparable(table, await store.rows(table, undefined, 1000)))]);
  return { ...Object.fromEntries(rows), leadStats: await store.leadStats() };
}

/**
 * Returns the rows without what a store does not promise: the ids and times of events, for which each database has its
 * own clock, and the order of the events of one call.
 */
function comparable({ name, columns }: Table, rows: readonly TableRow[]): readonly TableRow[] {
  if (name !== 'partner_event') return rows;
  const [lead, sequence] = [columns.indexOf('lead_id'), columns.indexOf('sequence')];
  const kept = rows.map((row) =>
    row
      .map((value, position) =>
        ['ordinal', 'id', 'occurred_at'].includes(columns[position] ?? '') ? null : value,
      )
      .with(sequence, row[sequence] === null ? 'unread' : 'read'),
  );
  const keyOf = (row: TableRow) => JSON.stringify([row[lead], row]);
  return kept.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

/** Replaces the numbers that a store assigns by their rank: PostgreSQL skips some after a conflict. */
function ranked(table: Table, rows: readonly TableRow[]): TableRow[] {
  return table.columns.reduce<TableRow[]>(
    (all, column, position) => {
      if (!['id', 'sequence', 'partner_id', 'type_id'].includes(column)) return all;
      const groupOf = column === 'sequence' ? personAndType(table) : () => '';
      return all.map((row) => {
        const value = row[position];
        if (typeof value !== 'number') return row;
        const group = all.filter((other) => groupOf(other) === groupOf(row)).map((other) => other[position]);
        const smaller = group.filter((other) => typeof other === 'number' && other < value);
        return row.with(position, new Set(smaller).size + 1);
      });
    },
    [...rows],
  );
}

/** Of requests at once, a store only promises the order of those for the same person and type. */
function personAndType({ columns }: Table): (row: TableRow) => string {
  const [mobile, type] = [columns.indexOf('mobile'), columns.indexOf('type')];
  return (row) => `${row[mobile]} ${row[type]}`;
}
