import type { Readable } from 'node:stream';
import { CsvError } from 'csv-parse';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { type CsvRecord, csvRecords } from './csv-records.ts';

/** Number of lines that are entered in one transaction: a server that shares the store waits for it. */
const batchSize = 2_000;

/** A CSV file with phone numbers, whose lines become entries. */
export interface NumberFile<Entry> {
  stream: Readable;
  parsePhone: ParsePhone;
  /** Returns the entry of a line, or why the line is invalid: a text. @param mobile E.164 */
  entryOf(mobile: string, cells: Cells): Entry | string;
  /** Sentence about what has become of the lines before one that is not CSV. */
  ifBroken: string;
}

/** The cells of a line by their columns, in lower case. */
export type Cells = Readonly<Record<string, string | undefined>>;

/** Lines that are entered together. */
export interface NumberBatch<Entry> {
  entries: Entry[];
  invalid: { line: number; problem: string }[];
  /** Number of lines, without the header. */
  lines: number;
  /** Number of bytes that have been read up to here. */
  bytes: number;
}

/** Columns that may contain the phone number. */
const numberColumns = ['mobile', 'phone', 'number', 'phone_number'];

/** Reads a file in batches. @throws {UserError} if it is not CSV, or has no column with numbers */
export async function* numberBatches<Entry extends object>(
  file: NumberFile<Entry>,
): AsyncGenerator<NumberBatch<Entry>> {
  const records = csvRecords(file.stream, { columns: namedColumns });
  let batch: NumberBatch<Entry> = { entries: [], invalid: [], lines: 0, bytes: 0 };
  try {
    // The cast: with `columns`, a record is an object.
    for await (const { record, info } of records as AsyncIterable<CsvRecord<Cells>>) {
      const mobile = file.parsePhone(record['mobile'] ?? '');
      const entry = mobile === undefined ? 'not a valid phone number' : file.entryOf(mobile, record);
      if (typeof entry === 'string') batch.invalid.push({ line: info.lines, problem: entry });
      else batch.entries.push(entry);
      batch = { ...batch, lines: batch.lines + 1, bytes: info.bytes };
      if (batch.lines < batchSize) continue;
      yield batch;
      batch = { entries: [], invalid: [], lines: 0, bytes: info.bytes };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`The file is not valid CSV: ${error.message} ${file.ifBroken}`, { cause: error });
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
