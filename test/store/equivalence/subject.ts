/** The two stores that random calls compare, and the clock that they share. */
import type pg from 'pg';
import { onTestFinished, vi } from 'vitest';
import type { Idempotency } from '../../../src/leads/idempotency.ts';
import { identifierBound } from '../../../src/leads/identifier.ts';
import type { Attempt } from '../../../src/store/delivery.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { tablesToCopy } from '../../../src/store/tables.ts';
import type { ActivityCursor } from '../../../src/store/watch.ts';
import { asAdministrator, emptyDatabase, openConnection } from '../../harness/postgres.ts';
import { closeAfterTest } from '../stores.ts';

/** A request to add or to cancel. */
export interface SentRequest {
  /** Name of the partner. */
  partner: string;
  type: string;
  mobile: string;
  /** How long before now it was received (ms): servers' clocks differ, and a request can wait. */
  age: number;
  /** Delay of the call (s). */
  delays: number;
  /** From when it is too late to call, after the request was received (ms); undefined: never. */
  expiresAfter: number | undefined;
  priority: number;
  /** Idempotency key. */
  key: string | undefined;
  trace: string | undefined;
}

/** An attempt that was recorded. */
export interface RecordedAttempt {
  claim: string;
  attempt: Attempt;
  nextAttemptAt: number | undefined;
}

/** A store, with what the calls of a sequence have made in it so far. */
export class Subject {
  readonly store: Store;
  /** PostgreSQL skips numbers after a conflict, so the ids of partners differ between the stores. */
  readonly partnerIds = new Map<string, number>();
  /** Ids of all submissions and cancellations that were sent. They are the same for both stores. */
  readonly sentIds: string[] = [];
  /** Requests with an idempotency key, which can be sent again. */
  readonly keyed: ((subject: Subject) => Promise<unknown>)[] = [];
  /** Submissions, in the order in which they were sent. */
  readonly requests: SentRequest[] = [];
  /** Claims, with the leads of each. */
  readonly claims: { claim: string; leadIds: string[] }[] = [];
  /** Claims of withdrawals, with the leads of each. */
  readonly withdrawalClaims: { claim: string; leadIds: string[] }[] = [];
  lastAttempt: RecordedAttempt | undefined;
  cursor: ActivityCursor | undefined;
  readonly #leadNames = new Map<string, string>();
  #made = 0;

  constructor(store: Store) {
    this.store = store;
  }

  /** Returns a new number, which is the same for both stores. */
  next(): number {
    this.#made += 1;
    return this.#made;
  }

  /** Returns the id of a new submission or cancellation. */
  newSentId(receivedAt: number): string {
    const id = identifierBound(receivedAt) + this.next().toString(32).padStart(10, '0');
    this.sentIds.push(id);
    return id;
  }

  /** Returns the id of a partner; of the first one if there is no such partner. */
  partnerId(name: string): number {
    return this.partnerIds.get(name) ?? this.partnerIds.get('first') ?? 0;
  }

  /** Ids of the store's leads in the order in which the calls returned them. */
  leadIds(): string[] {
    return [...this.#leadNames.keys()];
  }

  /**
   * Returns a result as text in which each id of a lead, which is random, is replaced by its number in order of
   * appearance.
   */
  textOf(result: unknown): string {
    const text = JSON.stringify(result, sorted, 1) ?? String(result);
    return text.replace(/\b[0-9a-v]{20}\b/g, (id) => {
      if (this.sentIds.includes(id)) return id;
      const name = this.#leadNames.get(id) ?? `lead ${this.#leadNames.size + 1}`;
      this.#leadNames.set(id, name);
      return name;
    });
  }
}

/**
 * Puts the members of an object in alphabetical order: they follow the columns of a statement, which nobody relies on.
 */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** An idempotency key with the fingerprint of a request; undefined: the request has no key. */
export function idempotencyOf(key: string | undefined, request: unknown): Idempotency | undefined {
  return key === undefined ? undefined : { key, fingerprint: JSON.stringify(request) };
}

/** A pair of stores. */
export interface Pair {
  sqlite: Subject;
  postgres: Subject;
  /** Sets the clock of both stores and of this process forward (ms). */
  advance(milliseconds: number): Promise<void>;
}

/**
 * PostgreSQL reads its own clock for leases. In the test's database, this function is found before that of the system,
 * so that both stores have the same time, and hours pass at once.
 */
const testClock = `
  CREATE TABLE test_clock AS SELECT 0::bigint AS now;
  CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT timestamptz ''epoch'' + now * interval ''1 millisecond'' FROM public.test_clock';
  DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`;

/** A busy machine takes longer to respond (ms). */
const patience = { statementTimeout: 60_000, responseTimeout: 61_000, retryTimeout: 60_000 };

/** Returns a function that empties the PostgreSQL store and opens a new SQLite store. */
export async function pairOpener(): Promise<() => Promise<Pair>> {
  const url = await emptyDatabase();
  await asAdministrator(url, testClock);
  const postgres = closeAfterTest(await openPostgresStore(url, patience));
  const connection = await openConnection(url);
  const setTime = clock(connection);
  // Nobody acts in a sequence, and the database refuses to empty the audit log.
  const emptied = tablesToCopy.map(({ name }) => name).filter((name) => name !== 'audit_entry');
  const tables = ['lead_count', ...emptied].join(', ');
  let last: Store | undefined;
  onTestFinished(() => last?.close());

  return async () => {
    await last?.close();
    last = openSqliteStore(':memory:');
    await connection.query(`TRUNCATE ${tables} RESTART IDENTITY`);
    await setTime(1);
    return { sqlite: new Subject(last), postgres: new Subject(postgres), advance: setTime };
  };
}

/** Returns a function that sets the clock forward. It is never set back, because identifiers always increase. */
function clock(connection: pg.Client): (milliseconds: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  return async (milliseconds) => {
    if (milliseconds === 0) return;
    const now = Date.now() + milliseconds;
    vi.setSystemTime(now);
    await connection.query('UPDATE test_clock SET now = $1', [now]);
  };
}
