import { createHash } from 'node:crypto';
import { UserError } from '../errors/user-error.ts';
import type { Tables } from './tables.ts';
import { type Table, type TableRow, tablesToCopy } from './tables.ts';

/** Number of rows that are copied, or read for a digest, at a time. */
const pageSize = 1_000;

/** Receives the progress of a copy. */
export interface CopyProgress {
  /** Called once. @param rows number of rows of the source */
  begin(rows: number): void;
  /** Called after each page, and once for the rows of a table that an interrupted copy has copied. */
  done(stage: 'copying' | 'verifying', rows: number): void;
}

/** A table that is the same in both stores. */
export interface CopiedTable {
  name: string;
  rows: number;
  /** SHA-256 of all rows, in hexadecimal. */
  digest: string;
}

/**
 * Copies a store to another that is empty, or that an interrupted copy has begun to fill. Nothing else may
 * use either store meanwhile. Afterwards compares the number of rows and the digest of each table.
 *
 * @throws {UserError} if the source is empty, the target contains other rows, or the stores differ afterwards
 */
export async function copyStore(
  source: Tables,
  target: Tables,
  progress: CopyProgress,
): Promise<CopiedTable[]> {
  const begun = await Promise.all(tablesToCopy.map((table) => findProgress(source, target, table)));
  const counts = await Promise.all(tablesToCopy.map((table) => source.countRows(table)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  // The URL may be that of another, new store, and a copy of nothing would look like a success.
  if (total === 0) throw new UserError('The source store is empty, so nothing was copied. Check its URL.');
  progress.begin(total);
  for (const [index, table] of tablesToCopy.entries()) {
    const { rows, last } = begun[index] ?? { rows: 0, last: undefined };
    progress.done('copying', rows);
    await copyTable(source, target, table, last, progress);
  }
  const copied: CopiedTable[] = [];
  for (const table of tablesToCopy) copied.push(await compareTable(source, target, table, progress));
  return copied;
}

/**
 * Finds where an interrupted copy ended. Rows are copied in the order of their key, so the target has the first ones.
 */
async function findProgress(
  source: Tables,
  target: Tables,
  table: Table,
): Promise<{ rows: number; last: TableRow | undefined }> {
  const last = await target.lastRow(table);
  if (last === undefined) return { rows: 0, last };
  const rows = await target.countRows(table);
  if (rows === (await source.countRows(table, last))) return { rows, last };
  throw new UserError(
    `Table ${table.name} of the target contains rows that the source does not. Copy into an empty store, or into one that an interrupted copy from the same source has begun to fill.`,
  );
}

async function copyTable(
  source: Tables,
  target: Tables,
  table: Table,
  from: TableRow | undefined,
  progress: CopyProgress,
): Promise<void> {
  for await (const page of pages(source, table, from)) {
    await target.addRows(table, page);
    progress.done('copying', page.length);
  }
}

async function compareTable(
  source: Tables,
  target: Tables,
  table: Table,
  progress: CopyProgress,
): Promise<CopiedTable> {
  const [here, there] = await Promise.all([
    digestTable(source, table, (rows) => progress.done('verifying', rows)),
    digestTable(target, table),
  ]);
  if (here.rows === there.rows && here.digest === there.digest) return here;
  throw new UserError(
    `Table ${table.name} differs: ${here.rows} rows in the source, ${there.rows} in the target. One of the stores was changed during the copy. Stop every server that uses them, empty the target, and copy again.`,
  );
}

/** Reads a table to its end. Returns the number and the digest of its rows. @param onRows called after each page */
async function digestTable(
  store: Tables,
  table: Table,
  onRows: (rows: number) => void = () => {},
): Promise<CopiedTable> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pages(store, table)) {
    rows += page.length;
    for (const row of page) hash.update(`${JSON.stringify(row)}\n`);
    onRows(page.length);
  }
  return { name: table.name, rows, digest: hash.digest('hex') };
}

async function* pages(store: Tables, table: Table, from?: TableRow): AsyncGenerator<TableRow[]> {
  for (let after = from; ; ) {
    const page = (await store.rows(table, after, pageSize)).map(withoutNul);
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    after = page.at(-1);
  }
}

/** Replaces U+0000, which PostgreSQL cannot store. No identifier or name contains it. */
function withoutNul(row: TableRow): TableRow {
  return row.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value));
}
