import type { Readable } from 'node:stream';
import { CsvError } from 'csv-parse';
import { UserError } from '../errors/user-error.ts';
import { errorColumn } from './column-map.ts';
import { exactCsvLine } from './csv.ts';
import { type CsvRecord, csvRecords, maxLineLength } from './csv-records.ts';

/** The formats of a file with leads. */
export const leadFormats = ['csv', 'ndjson'] as const;

export type LeadFormat = (typeof leadFormats)[number];

/** A line of a file with leads. */
export interface LeadLine {
  /** Its number in the file, starting at 1. */
  line: number;
  /** Number of bytes up to its end. */
  bytes: number;
  /** Its values by column; a text: why it cannot be read. */
  values: readonly (readonly [column: string, value: unknown])[] | string;
  /** Returns the line for the file of rejected lines. @param problem why it was rejected */
  withError(problem: string): string;
}

/** A file with leads. */
export interface LeadFile {
  /** Its columns: in NDJSON, the members of the first line. */
  columns: readonly string[];
  /** Whether every line has them. */
  hasHeader: boolean;
  /** The start of the file of rejected lines. */
  header: string;
  lines: AsyncIterable<LeadLine>;
}

/** What replaces bytes that are not UTF-8. */
const replacement = '\ufffd';

const notUtf8 = 'The line is not UTF-8: save the original file as UTF-8, and import it again.';

/** Returns the format of a file by its name. */
export function formatOf(file: string): LeadFormat {
  return /\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : 'csv';
}

/** Reads the start of a file with leads. @throws {UserError} if it is empty */
export async function readLeadFile(stream: Readable, format: LeadFormat): Promise<LeadFile> {
  const file = await (format === 'csv' ? readCsv(stream) : readNdjson(stream));
  if (file === undefined) throw new UserError('The file is empty. Nothing was imported.');
  return file;
}

async function readCsv(stream: Readable): Promise<LeadFile | undefined> {
  // The cast: without `columns`, a record is an array of cells.
  const records = cells(csvRecords(stream) as AsyncIterable<CsvRecord<string[]>>);
  const first = await records.next();
  if (first.done) return undefined;
  const columns = first.value.record;
  if (columns.length === 1 && /[;\t]/.test(columns[0] ?? '')) {
    throw new UserError(
      'The cells of the first line are not separated by commas. Save the file as CSV with commas. Nothing was imported.',
    );
  }
  const kept = columns.flatMap((column, index) => (column === errorColumn ? [] : [index]));
  // The first column, so that a line with too many cells keeps them at its end.
  const header = exactCsvLine([errorColumn, ...kept.map((index) => columns[index] ?? '')]);
  const isKept = (_: string, index: number) => columns[index] !== errorColumn;
  async function* lines(): AsyncGenerator<LeadLine> {
    for await (const { record, info } of records) {
      yield {
        line: info.lines,
        bytes: info.bytes,
        values: problemOf(record, columns) ?? columns.map((column, index) => [column, record[index]]),
        withError: (problem) => exactCsvLine([problem, ...record.filter(isKept)]),
      };
    }
  }
  return { columns, hasHeader: true, header, lines: lines() };
}

async function* cells(records: AsyncIterable<CsvRecord<string[]>>): AsyncGenerator<CsvRecord<string[]>> {
  try {
    yield* records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(
      `The file is not valid CSV: ${error.message}. Correct it, and run the command again.`,
      { cause: error },
    );
  }
}

/** Returns why a record cannot be read. A missing cell may mean that the file was cut, or a quotation mark is missing. */
function problemOf(record: readonly string[], columns: readonly string[]): string | undefined {
  if (record.length !== columns.length) {
    return `The line has ${record.length} cells, and the header has ${columns.length}.`;
  }
  return record.some((cell) => cell.includes(replacement)) ? notUtf8 : undefined;
}

async function readNdjson(stream: Readable): Promise<LeadFile | undefined> {
  const lines = ndjsonLines(stream);
  const first = await lines.next();
  if (first.done) return undefined;
  const { values } = first.value;
  const columns = typeof values === 'string' ? [] : values.map(([column]) => column);
  async function* all(start: LeadLine): AsyncGenerator<LeadLine> {
    yield start;
    yield* lines;
  }
  return { columns, hasHeader: false, header: '', lines: all(first.value) };
}

async function* ndjsonLines(stream: Readable): AsyncGenerator<LeadLine> {
  let [line, bytes] = [0, 0];
  for await (const text of textLines(stream)) {
    line += 1;
    bytes += Buffer.byteLength(text) + 1;
    const trimmed = text.replace(/^\ufeff/, '').trim();
    if (trimmed !== '') yield { line, bytes, ...objectIn(trimmed) };
  }
}

/** Parses a line. One that is no object is written to the file of rejected lines as it is. */
function objectIn(text: string): Pick<LeadLine, 'values' | 'withError'> {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { values: 'The line is not a JSON object.', withError: () => `${text}\n` };
  }
  const members = Object.entries(value).filter(([name]) => name !== errorColumn);
  return {
    values: text.includes(replacement) ? notUtf8 : members,
    withError: (problem) => `${JSON.stringify(Object.fromEntries([[errorColumn, problem], ...members]))}\n`,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Splits a stream into lines. @throws {UserError} if one is too long */
async function* textLines(stream: Readable): AsyncGenerator<string> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > maxLineLength) {
      throw new UserError(`A line is longer than ${maxLineLength} characters. Is the file NDJSON?`);
    }
  }
  if (rest !== '') yield rest;
}
