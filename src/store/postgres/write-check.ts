import type { StoreObserver } from '../observer.ts';
import { StoreUnavailable } from '../store-unavailable.ts';
import type { PostgresDatabase, Run } from './connection/database.ts';
import { isReadOnly } from './connection/errors.ts';
import { latestMigration } from './connection/migrate.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';

/** Maximum time for a check (ms), even if PostgreSQL does not respond. */
const checkTimeout = 5_000;

/** Maximum size of the table that the checks fill (bytes). */
const maxSize = 2 ** 20;

const insertCheck = writeStatement(
  'insert_readiness_check',
  `INSERT INTO readiness (checked_at) SELECT now() WHERE ${isCurrent}
   RETURNING floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
     (SELECT max(number) FROM schema_migration) AS migration, pg_relation_size('readiness') AS size`,
);

interface Check {
  /** Time by PostgreSQL's clock (ms since 1970). */
  now: number;
  migration: number;
  size: number;
}

/** Checks that this server can write to PostgreSQL, and compares the two clocks. */
export class WriteCheck {
  readonly #database: PostgresDatabase;
  readonly #observer: StoreObserver;
  #check: Promise<void> | undefined;
  /** Why the last attempt of the check in progress failed; undefined: none has. */
  #failure: unknown;

  constructor(database: PostgresDatabase, observer: StoreObserver) {
    this.#database = database;
    this.#observer = observer;
  }

  /**
   * Commits one row. Concurrent calls share one check.
   *
   * @throws if the row is not committed within five seconds, with the reason of the last attempt if there is one
   */
  async run(): Promise<void> {
    this.#check ??= this.#write().finally(() => {
      this.#check = undefined;
      this.#failure = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const noResponse = `PostgreSQL did not commit a row within ${checkTimeout / 1_000} s.`;
      timer = setTimeout(() => reject(this.#failure ?? new StoreUnavailable(noResponse)), checkTimeout);
    });
    try {
      await Promise.race([this.#check, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(): Promise<void> {
    const { migration, size } = await this.#database.withRetries(() => this.#insert());
    if (migration !== latestMigration) {
      throw new Error(
        `The store has migration ${migration}, and this server needs ${latestMigration}. Restart the server, which migrates the store.`,
      );
    }
    // A backup may lock the table for hours. In that case, a later check truncates it.
    if (size > maxSize) await this.#database.transaction(truncate).catch(() => {});
  }

  async #insert(): Promise<Check> {
    const before = Date.now();
    try {
      const [check] = await this.#database.write<Check>(insertCheck);
      if (check === undefined) throw new Error('PostgreSQL did not return the row of a readiness check.');
      this.#observer.clockSkew(provenSkew(before, check.now, Date.now()));
      return check;
    } catch (error) {
      this.#failure = error;
      if (!isReadOnly(error)) throw error;
      // Unlike a request, a check does not wait for a new primary.
      throw new Error(
        'PostgreSQL accepts no writes: it is a standby, or set to read-only. DATABASE_URL must point to the primary.',
        { cause: error },
      );
    }
  }
}

/** Does not wait for the lock: later statements would have to wait as well. */
async function truncate(run: Run): Promise<void> {
  await run('LOCK TABLE readiness IN ACCESS EXCLUSIVE MODE NOWAIT');
  await run('TRUNCATE readiness');
}

/**
 * Returns the smallest difference between two clocks that explains three readings (ms); positive: this machine's is
 * ahead.
 *
 * @param before reading of this machine's clock, as is `after`
 * @param there reading of the other clock between the two
 */
export function provenSkew(before: number, there: number, after: number): number {
  if (there < before) return before - there;
  return there > after ? after - there : 0;
}
