import type { StoreObserver } from '../observer.ts';
import { servingTime } from '../store.ts';
import { StoreUnavailable } from '../store-unavailable.ts';
import { tablesToCopy } from '../tables.ts';
import type { PostgresDatabase, Run, Statement } from './connection/database.ts';
import { isReadOnly } from './connection/errors.ts';
import { latestMigration } from './connection/migrate.ts';
import { makeOwner } from './connection/run-query.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';

/** Maximum time for a check (ms), even if PostgreSQL does not respond. */
const checkTimeout = 5_000;

/** Maximum size of the table that the checks fill (bytes). */
const maxSize = 2 ** 20;

const insertCheck = writeStatement(
  'insert_readiness_check',
  `INSERT INTO readiness (checked_at) SELECT now() WHERE ${isCurrent}
   RETURNING floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
     (SELECT max(number) FROM schema_migration) AS migration, pg_relation_size('readiness') AS size,
     (SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
      WHERE relname = ANY ($1::text[]) AND relnamespace =
          (SELECT relnamespace FROM pg_class WHERE oid = 'schema_migration'::regclass)
        AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT'))) AS inaccessible`,
);

const recentCheck: Statement = {
  name: 'recent_check',
  text: `SELECT EXISTS (SELECT 1 FROM readiness WHERE checked_at > now() - $1::bigint * interval '1 ms') AS "isServing"`,
};

const clock: Statement = {
  name: 'clock',
  text: 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
};

/** Compares the two clocks (see `provenSkew`). */
export async function readClockSkew(database: PostgresDatabase): Promise<number> {
  // The first statement may wait for a connection; its reading would prove nothing.
  await database.read(clock);
  const before = Date.now();
  const [row] = await database.read<Pick<Check, 'now'>>(clock);
  return row === undefined ? 0 : provenSkew(before, row.now, Date.now());
}

interface Check {
  /** Time by PostgreSQL's clock (ms since 1970). */
  now: number;
  migration: number;
  size: number;
  /** Names of the tables to which this user cannot add rows; null: none. */
  inaccessible: string | null;
}

/** The tables to which a server adds rows. */
const tables = tablesToCopy.map(({ name }) => name);

/** Checks that this server can write to PostgreSQL, and compares the two clocks. */
export class WriteCheck {
  readonly #database: PostgresDatabase;
  readonly #observer: StoreObserver;
  #check: Promise<void> | undefined;
  /** Why the last attempt of the check in progress failed; undefined: none has. */
  #failure: unknown;
  #clockSkew: number;

  /** @param clockSkew result of `readClockSkew` */
  constructor(database: PostgresDatabase, observer: StoreObserver, clockSkew: number) {
    this.#database = database;
    this.#observer = observer;
    this.#clockSkew = clockSkew;
  }

  /** Difference between the two clocks as last measured (ms; see `provenSkew`). */
  get clockSkew(): number {
    return this.#clockSkew;
  }

  /** Returns whether a server has checked the database within `servingTime`. */
  async isServing(): Promise<boolean> {
    const [row] = await this.#database.read<{ isServing: boolean }>(recentCheck, [servingTime]);
    return row?.isServing ?? false;
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
    const { migration, size, inaccessible } = await this.#database.withRetries(() => this.#insert());
    if (migration !== latestMigration) {
      throw new Error(
        `The store has migration ${migration}, and this server needs ${latestMigration}. Restart the server, which migrates the store.`,
      );
    }
    if (inaccessible !== null) {
      throw new Error(`PostgreSQL does not permit this user to add rows to ${inaccessible}. ${makeOwner}`);
    }
    // A backup may lock the table for hours. In that case, a later check truncates it.
    if (size > maxSize) await this.#database.transaction(truncate).catch(() => {});
  }

  async #insert(): Promise<Check> {
    try {
      await this.#database.checkIdentity();
      const before = Date.now();
      const [check] = await this.#database.write<Check>(insertCheck, [tables]);
      if (check === undefined) throw new Error('PostgreSQL did not return the row of a readiness check.');
      this.#clockSkew = provenSkew(before, check.now, Date.now());
      this.#observer.clockSkew(this.#clockSkew);
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
  // The last row shows that a server is running (see `isServing`).
  await run('INSERT INTO readiness DEFAULT VALUES');
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
