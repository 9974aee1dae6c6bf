import pg from 'pg';
import { StoreUnavailable } from '../../store.ts';

/** No connection was had, so that nothing was sent. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
}

/** The connection ended, or no answer came on it, while a statement was under way. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/**
 * What a failed statement leaves behind: `undone` (surely nothing, and it can be tried again), `unknown`
 * (it may have been committed, since the connection ended before the answer) or `refused` (nothing, and
 * another try would fail too).
 */
export type Fault = 'undone' | 'unknown' | 'refused';

/**
 * PostgreSQL's error codes (appendix A) of what passes: a serialization failure, a deadlock, a server
 * that only reads because it was the primary until just now, no room for a connection, a server that
 * is starting.
 */
const passing = new Set(['40001', '40P01', '25006', '53300', '57P03']);

/** Codes with which a server ends a connection, whatever was under way on it. */
const ending = /^(08|57P0[12]|57P05|25P03)/;

/** What `error`, thrown by a statement that was its own transaction, means for what it asked for. */
export function faultOf(error: unknown): Fault {
  if (error instanceof NotConnected) return 'undone';
  if (error instanceof ConnectionLost) return 'unknown';
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return 'refused';
  if (ending.test(error.code)) return 'unknown';
  return passing.has(error.code) ? 'undone' : 'refused';
}

/** Whether the connection may not be used any more: it ended, or it leads to a server that is not the primary. */
export function spoilsConnection(error: unknown): boolean {
  if (faultOf(error) === 'unknown') return true;
  return error instanceof pg.DatabaseError && error.code === '25006';
}

/** Whether one row of the statement is at fault, and another without it may go through (classes 22 and 23). */
export function blamesRow(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '');
}

/** Whether a unique index refused the statement. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505';
}

/** Whether an answer was kept a moment ago under an idempotency key that this statement has one for too. */
export function isAnsweredAlready(error: unknown): boolean {
  return (
    isDuplicate(error) && error instanceof pg.DatabaseError && error.constraint === 'idempotency_record_key'
  );
}

/** The pause before the next attempt: short at first, since most faults are a lost race. In milliseconds. */
const pauses = [5, 20, 100, 250] as const;

/** What an attempt is told of those before it. */
export interface Attempt {
  /** Whether one of them ended without anybody knowing whether it was committed. */
  isUncertain: boolean;
}

/**
 * Makes attempts until one succeeds, fails for good, or the patience is at its end. So a server that
 * is started again, or hands over to another, is a pause to partners and no failure.
 *
 * @param attempt must be able to tell what an earlier one, of which nobody knows, has done
 * @param patience in milliseconds
 * @throws {StoreUnavailable} where nobody knows what was done: no answer may say that nothing was saved
 */
export async function persist<Result>(
  attempt: (before: Attempt) => Promise<Result>,
  patience: number,
): Promise<Result> {
  const end = performance.now() + patience;
  const before: Attempt = { isUncertain: false };
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt(before);
    } catch (error) {
      const fault = faultOf(error);
      if (fault === 'unknown') before.isUncertain = true;
      const passes = fault !== 'refused' || (before.isUncertain && isDuplicate(error));
      if (!passes || performance.now() > end) throw outcomeOf(error, before);
      await new Promise((resolve) => setTimeout(resolve, pauses[failures] ?? pauses.at(-1)));
    }
  }
}

function outcomeOf(error: unknown, { isUncertain }: Attempt): unknown {
  if (!isUncertain) return error;
  return new StoreUnavailable('The store stopped answering, and nobody knows what it has done.', {
    cause: error,
  });
}
