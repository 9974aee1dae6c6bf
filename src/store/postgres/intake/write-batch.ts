import type { Entry } from '../batcher.ts';
import type { PostgresDatabase } from '../connection/database.ts';
import { isIdempotencyConflict, isRowError } from '../connection/errors.ts';

/** The statements for one kind of request. Their parameter is a JSON array of the requests. */
interface Statements<Row, Result> {
  /** Stores the requests. Returns no row for those that must be sent again. */
  write(requests: string): Promise<Row[]>;
  /** Called before requests are sent again for which `write` returned no row. */
  beforeRepeat?(): Promise<void>;
  /** Reads the rows of those requests that are already saved. */
  readSaved(requests: string): Promise<Row[]>;
  /** Converts a row to the caller's result. */
  toResult(row: Row): Result;
}

/**
 * Stores a batch of requests, each exactly once, and settles its entries. See README.md for lost connections and
 * conflicting idempotency keys.
 *
 * @throws if the statement fails for a reason other than one of its rows
 */
export async function writeBatch<
  Input extends { id: string },
  Row extends { id: string; isReplay: boolean },
  Result,
>(
  database: PostgresDatabase,
  entries: readonly Entry<Input, Result>[],
  statements: Statements<Row, Result>,
): Promise<void> {
  const pending = new Map(entries.map((entry) => [entry.input.id, entry]));
  const requests = () => JSON.stringify(Array.from(pending.values(), ({ input }) => input));
  const settle = (rows: readonly Row[]) => {
    for (const row of rows) {
      const entry = pending.get(row.id);
      if (entry === undefined) continue;
      pending.delete(row.id);
      entry.resolve(statements.toResult(row));
    }
  };
  try {
    await database.withRetries(async ({ mayHaveCommitted }) => {
      const settleSaved = async () => settle(await statements.readSaved(requests()));
      if (mayHaveCommitted) await settleSaved();
      while (pending.size > 0) {
        const rows = await statements.write(requests());
        // The record may be that of the lost attempt, committed since `settleSaved`. In that case, it is not a replay.
        if (mayHaveCommitted && rows.some(({ isReplay }) => isReplay)) await settleSaved();
        settle(rows);
        if (pending.size > 0) await statements.beforeRepeat?.();
      }
    });
  } catch (error) {
    if (!isRowError(error)) throw error;
    await writeOneByOne(database, [...pending.values()], statements, error);
  }
}

/**
 * Stores the entries of a failed batch one by one, so that a row that PostgreSQL refuses does not affect the others. An
 * entry whose idempotency key another server has just recorded succeeds now, as a replay.
 */
async function writeOneByOne<
  Input extends { id: string },
  Row extends { id: string; isReplay: boolean },
  Result,
>(
  database: PostgresDatabase,
  entries: readonly Entry<Input, Result>[],
  statements: Statements<Row, Result>,
  error: unknown,
): Promise<void> {
  const [only, ...others] = entries;
  if (others.length === 0 && !isIdempotencyConflict(error)) {
    only?.reject(error);
    return;
  }
  for (const entry of entries) await writeBatch(database, [entry], statements);
}
