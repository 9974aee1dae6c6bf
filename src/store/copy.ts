import { createHash } from 'node:crypto';
import { UserError } from '../errors/user-error.ts';
import { type ArchiveRow, type ArchiveTable, archiveTables } from './archive.ts';
import type { Archive } from './store.ts';

/** So many rows are carried, or read for a digest, at a time. */
const pageSize = 1_000;

/** What is done, for whoever watches: the same number of rows is copied, then read twice for the digests. */
export interface CopyProgress {
  /** Called once, with the number of rows in all. */
  begin(rows: number): void;
  /** Called after each page, with how many rows more are done. */
  done(stage: 'copying' | 'checking', rows: number): void;
}

/** A table that both stores hold alike. */
export interface CopiedTable {
  name: string;
  rows: number;
  /** SHA-256 over all rows, in hexadecimal digits. */
  digest: string;
}

/**
 * Copies everything from one store to another that is empty, or to which an earlier copy broke off. Both
 * must be in no other use meanwhile. At the end the rows of each table are counted on both sides, and
 * their digests compared.
 *
 * @throws {UserError} where the target holds something else, or the two differ in the end
 */
export async function copyStore(
  source: Archive,
  target: Archive,
  progress: CopyProgress,
): Promise<CopiedTable[]> {
  const begun = await Promise.all(archiveTables.map((table) => copiedSoFar(source, target, table)));
  const counts = await Promise.all(archiveTables.map((table) => source.countRows(table)));
  progress.begin(counts.reduce((sum, count) => sum + count, 0));
  for (const [index, table] of archiveTables.entries()) {
    const { rows, last } = begun[index] ?? { rows: 0, last: undefined };
    progress.done('copying', rows);
    await copyTable(source, target, table, last, progress);
  }
  const copied: CopiedTable[] = [];
  for (const table of archiveTables) copied.push(await compared(source, target, table, progress));
  return copied;
}

/** What an earlier copy has brought; it copies in the order of the keys, so it is the beginning of the table. */
async function copiedSoFar(
  source: Archive,
  target: Archive,
  table: ArchiveTable,
): Promise<{ rows: number; last: ArchiveRow | undefined }> {
  const last = await target.lastRow(table);
  if (last === undefined) return { rows: 0, last };
  const rows = await target.countRows(table);
  if (rows === (await source.countRows(table, last))) return { rows, last };
  throw new UserError(
    `The table ${table.name} of the target holds rows that are not the source's. Copy into an empty store, or into one that a copy from the same source has begun to fill.`,
  );
}

async function copyTable(
  source: Archive,
  target: Archive,
  table: ArchiveTable,
  from: ArchiveRow | undefined,
  progress: CopyProgress,
): Promise<void> {
  for await (const page of pages(source, table, from)) {
    await target.addRows(table, page);
    progress.done('copying', page.length);
  }
}

async function compared(
  source: Archive,
  target: Archive,
  table: ArchiveTable,
  progress: CopyProgress,
): Promise<CopiedTable> {
  const [here, there] = await Promise.all([
    digestOf(source, table, (rows) => progress.done('checking', rows)),
    digestOf(target, table),
  ]);
  if (here.rows === there.rows && here.digest === there.digest) return here;
  throw new UserError(
    `The table ${table.name} differs: ${here.rows} rows in the source, ${there.rows} in the target. Something changed one of them meanwhile: stop every server that uses them, empty the target, and copy again.`,
  );
}

async function digestOf(
  store: Archive,
  table: ArchiveTable,
  tell: (rows: number) => void = () => {},
): Promise<CopiedTable> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pages(store, table)) {
    rows += page.length;
    for (const row of page) hash.update(`${JSON.stringify(row)}\n`);
    tell(page.length);
  }
  return { name: table.name, rows, digest: hash.digest('hex') };
}

async function* pages(store: Archive, table: ArchiveTable, from?: ArchiveRow): AsyncGenerator<ArchiveRow[]> {
  for (let after = from; ; ) {
    const page = (await store.rows(table, after, pageSize)).map(portable);
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    after = page.at(-1);
  }
}

/** Not every store holds U+0000 in a text; no identifier and no name has it. */
function portable(row: ArchiveRow): ArchiveRow {
  return row.map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value));
}
