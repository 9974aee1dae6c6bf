import type { Readable } from 'node:stream';
import { CsvError } from 'csv-parse';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Suppression } from '../store/suppressions.ts';
import { type CsvRecord, csvRecords } from './csv-records.ts';

/** Number of lines that are entered in one transaction: a server that shares the store waits for it. */
const batchSize = 2_000;

/** A CSV file with numbers for the do-not-call list. */
export interface SuppressionFile {
  stream: Readable;
  /** Name of the list. */
  list: string;
  /** Reason for lines without one. */
  reason: string | undefined;
  /** Names of the lead types. */
  types: ReadonlySet<string>;
  parsePhone: ParsePhone;
  /** When people objected whose line does not state it (ms since 1970). */
  now: number;
}

/** Lines that are entered together. */
export interface SuppressionBatch {
  entries: Suppression[];
  invalid: { line: number; problem: string }[];
  /** Number of lines, without the header. */
  lines: number;
  /** Number of bytes that have been read up to here. */
  bytes: number;
}

/** Columns that may contain the phone number. */
const numberColumns = ['mobile', 'phone', 'number', 'phone_number'];

/** The cells of a line by their columns. */
type Cells = Record<string, string | undefined>;

/** Reads a file in batches. @throws {UserError} if it is not CSV, or has no column with numbers */
export async function* suppressionBatches(file: SuppressionFile): AsyncGenerator<SuppressionBatch> {
  const records = csvRecords(file.stream, { columns: namedColumns });
  let batch: SuppressionBatch = { entries: [], invalid: [], lines: 0, bytes: 0 };
  try {
    // The cast: with `columns`, a record is an object.
    for await (const { record, info } of records as AsyncIterable<CsvRecord<Cells>>) {
      const entry = entryOf(record, file);
      if (typeof entry === 'string') batch.invalid.push({ line: info.lines, problem: entry });
      else batch.entries.push(entry);
      batch = { ...batch, lines: batch.lines + 1, bytes: info.bytes };
      if (batch.lines < batchSize) continue;
      yield batch;
      batch = { entries: [], invalid: [], lines: 0, bytes: info.bytes };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`The file is not valid CSV: ${error.message} What comes before was entered.`, {
      cause: error,
    });
  }
  yield batch;
}

/** Names the columns of the header. @throws {UserError} if none contains numbers */
function namedColumns(header: readonly string[]): string[] {
  const names = header.map((name) => name.toLowerCase());
  const number = names.findIndex((name) => numberColumns.includes(name));
  if (number < 0) {
    throw new UserError(
      `The first line must be a header with a column ${numberColumns.map((name) => `\`${name}\``).join(', ')}. Nothing was changed.`,
    );
  }
  return names.map((name, index) => (index === number ? 'mobile' : name));
}

/** Returns the entry of a line, or why it is invalid. */
function entryOf(record: Cells, file: SuppressionFile): Suppression | string {
  const mobile = file.parsePhone(record['mobile'] ?? '');
  if (mobile === undefined) return 'not a valid phone number';
  const type = record['type'] || undefined;
  if (type !== undefined && !file.types.has(type)) return 'unknown lead type';
  const objectedAt = record['objected_at'] ? Date.parse(record['objected_at']) : file.now;
  if (Number.isNaN(objectedAt) || objectedAt > file.now) return 'objected_at is not a time in the past';
  const reason = record['reason'] || file.reason;
  return { mobile, type, source: 'import', sourceId: file.list, reason, objectedAt };
}
