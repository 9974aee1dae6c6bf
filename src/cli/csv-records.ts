import type { Readable } from 'node:stream';
import { type Options, parse } from 'csv-parse';

/** Maximum length of a line of a file that is imported (characters). */
export const maxLineLength = 100_000;

/** A record of a CSV file. */
export interface CsvRecord<Cells> {
  record: Cells;
  /** Number of lines and of bytes up to its end. */
  info: { lines: number; bytes: number };
}

/** Reads the records of a CSV file (RFC 4180, UTF-8) without white space around cells. @throws {CsvError} */
export function csvRecords(
  stream: Readable,
  options: Pick<Options, 'columns'> = {},
): AsyncIterable<CsvRecord<unknown>> {
  const parser = stream.pipe(
    parse({
      ...options,
      bom: true,
      info: true,
      max_record_size: maxLineLength,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }),
  );
  stream.on('error', (error) => parser.destroy(error));
  return parser;
}
