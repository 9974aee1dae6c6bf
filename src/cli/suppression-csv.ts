import type { Readable } from 'node:stream';
import type { ParsePhone } from '../leads/phone.ts';
import type { Suppression } from '../store/suppressions.ts';
import { type Cells, type NumberBatch, numberBatches } from './number-csv.ts';

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

/** Reads a file in batches. @throws {UserError} if it is not CSV, or has no column with numbers */
export function suppressionBatches(file: SuppressionFile): AsyncGenerator<NumberBatch<Suppression>> {
  const { stream, parsePhone } = file;
  return numberBatches({
    stream,
    parsePhone,
    entryOf: (mobile, cells) => entryOf(mobile, cells, file),
    ifBroken: 'What comes before was entered.',
  });
}

/** Returns the entry of a line, or why it is invalid. */
function entryOf(mobile: string, cells: Cells, file: SuppressionFile): Suppression | string {
  const type = cells['type'] || undefined;
  if (type !== undefined && !file.types.has(type)) return 'unknown lead type';
  const objectedAt = cells['objected_at'] ? Date.parse(cells['objected_at']) : file.now;
  if (Number.isNaN(objectedAt) || objectedAt > file.now) return 'objected_at is not a time in the past';
  const reason = cells['reason'] || file.reason;
  return { mobile, type, source: 'import', sourceId: file.list, reason, objectedAt };
}
