import type { AppendTerms } from '../../evidence/evidence.ts';
import type { SourceRows } from './sources.ts';

/**
 * How far a table is in the chain. With several writers, a row can be committed after one with a larger number. So rows
 * are read again from `settled`, which follows `seen` in three steps: `seen` is reached, the transactions in progress
 * are noted (`horizon`), and all of them have ended.
 */
export interface Position {
  /** All rows up to this number are in the chain, and none can be added. */
  settled: number;
  /** Number up to which rows were seen. */
  seen: number;
}

/** Where a store is in the three steps. */
export interface Phase {
  /** Whether there is one writer at a time, so that every row that is read is settled at once. */
  isSingle: boolean;
  /** Whether no row up to `seen` can be added. */
  hasEnded: boolean;
  /** Transaction up to which all must end; null: not noted yet. */
  horizon: number | null;
}

/** Numbers of transactions (see `SqlDialect.transactions`). */
interface Transactions {
  firstTransaction: number;
  nextTransaction: number;
}

/** Returns the phase that a step begins. */
export function phaseOf({
  horizon,
  firstTransaction,
  nextTransaction,
}: Transactions & { horizon: number | null }): Phase {
  if (nextTransaction === 0) return { isSingle: true, hasEnded: true, horizon: null };
  if (horizon === null) return { isSingle: false, hasEnded: false, horizon: nextTransaction };
  // A restored database numbers its transactions from the beginning.
  const hasEnded = firstTransaction >= Math.min(horizon, nextTransaction);
  return { isSingle: false, hasEnded, horizon: hasEnded ? null : horizon };
}

/** Returns the number up to which a step has read a table. @param last largest number in the table */
export function endOf({ entries, last: lastRead }: SourceRows, last = 0, { limit }: AppendTerms): number {
  return entries.length === limit && lastRead !== undefined ? lastRead : last;
}

/** Returns the position after a step that has read all rows up to `end`, which is smaller if rows were removed. */
export function positionAfter(
  { settled, seen }: Position,
  end: number,
  { isSingle, hasEnded }: Phase,
): Position {
  if (isSingle) return { settled: end, seen: end };
  if (!hasEnded) return { settled: Math.min(settled, end), seen: Math.min(seen, end) };
  return { settled: Math.min(seen, end), seen: end };
}
