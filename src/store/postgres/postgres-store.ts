import { PersonDigests } from '../keys/person-digests.ts';
import { type Migrations, requireMigrated, type Schema } from '../migrations.ts';
import { type StoreObserver, unobserved } from '../observer.ts';
import { AuditedDatabase } from '../sql/audited-database.ts';
import { contactedPeople } from '../sql/contacted-people.ts';
import { people } from '../sql/people/people.ts';
import { sharedStore } from '../sql/shared-store.ts';
import { watch } from '../sql/watch.ts';
import type { WithdrawalEvents } from '../sql/withdrawals/events.ts';
import { lateAttemptRecorder } from '../sql/withdrawals/late-attempt.ts';
import type { Store } from '../store.ts';
import { PostgresDatabase, type PostgresLimits, type Statement } from './connection/database.ts';
import { currentMigration, latestMigration, migrate } from './connection/migrate.ts';
import { checkSchema } from './connection/schema-check.ts';
import { postgresDelivery } from './delivery/delivery.ts';
import { postgresIntake } from './intake/intake.ts';
import { mergeLeadCounts } from './lead-counts.ts';
import { postgresMaintenance } from './maintenance.ts';
import { LeadNotifications } from './notifications.ts';
import { excludeWriters, postgresOperatorActions } from './operator-actions.ts';
import { postgresSqlDatabase } from './sql-database.ts';
import { warnWithoutStatementTimeout } from './statement-timeout.ts';
import { postgresTableWriter } from './tables.ts';
import { readClockSkew, WriteCheck } from './write-check.ts';

/** Limits of a store in PostgreSQL. */
export interface PostgresStoreLimits extends PostgresLimits {
  /** Maximum number of waiting calls of each kind; further calls are rejected. */
  capacity: number;
  /** Time before a lost listening connection is re-established (ms). */
  reconnectDelay: number;
}

const defaultLimits: PostgresStoreLimits = {
  connections: 10,
  statementTimeout: 5_000,
  responseTimeout: 6_000,
  retryTimeout: 5_000,
  capacity: 10_000,
  reconnectDelay: 1_000,
};

/** Maximum number of calls in a statement. All of them wait for the slowest. */
const maxBatchSize = 500;

/**
 * Number of batched kinds of call (submissions, cancellations, keys, statuses, attempts), which share the connections.
 */
const batchedKinds = 5;

/** Returns the maximum number of statements of one kind in flight. @param connections maximum number of connections */
function maxStatementsInFlight(connections: number): number {
  return Math.max(1, Math.floor(connections / batchedKinds));
}

/** Returns how far the store in a database is migrated, without changing it. */
export async function postgresMigrations(url: string): Promise<Migrations> {
  const database = new PostgresDatabase(url, defaultLimits);
  try {
    return { current: await currentMigration(database), latest: latestMigration };
  } finally {
    await database.close();
  }
}

const databaseName: Statement = { name: 'database_name', text: 'SELECT current_database() AS name' };

/** Checks that a database contains a store. @throws as `requireMigrated` */
async function requireStore(database: PostgresDatabase, schema: 'migrate' | 'require'): Promise<void> {
  const current = await currentMigration(database);
  if (current === latestMigration || (schema === 'migrate' && current > 0)) return;
  const [row] = await database.read<{ name: string }>(databaseName);
  requireMigrated(`The database ${JSON.stringify(row?.name)}`, current, latestMigration);
}

/** Opens the database of a store, prepared as `schema` requires. @throws as `openPostgresStore` */
async function openDatabase(
  url: string,
  limits: PostgresStoreLimits,
  schema: Schema,
): Promise<{ database: PostgresDatabase; clockSkew: number }> {
  const database = new PostgresDatabase(url, limits);
  try {
    if (schema !== 'prepare') await requireStore(database, schema);
    if (schema !== 'require') await migrate(database);
    await checkSchema(database);
    await database.rememberIdentity();
    await warnWithoutStatementTimeout(database, limits.statementTimeout);
    return { database, clockSkew: await readClockSkew(database) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * Opens a store in PostgreSQL, or in a compatible database. Any number of servers can share it.
 *
 * @param url `postgres://user:password@host:port/database`
 * @throws if PostgreSQL cannot be reached, a newer version has migrated the store, or it was restored incompletely
 */
export async function openPostgresStore(
  url: string,
  given: Partial<PostgresStoreLimits> = {},
  observer: StoreObserver = unobserved,
  schema: Schema = 'prepare',
): Promise<Store> {
  const limits = { ...defaultLimits, ...given };
  const { database, clockSkew } = await openDatabase(url, limits, schema);
  const batchLimits = {
    capacity: limits.capacity,
    maxBatchSize,
    maxWait: limits.retryTimeout,
    maxInFlight: maxStatementsInFlight(limits.connections),
  };
  const notifications = new LeadNotifications(database, 'lead_due', limits.reconnectDelay);
  const withdrawalNotifications = new LeadNotifications(database, 'withdrawal', limits.reconnectDelay);
  const withdrawalEvents: WithdrawalEvents = {
    emit: () => withdrawalNotifications.announce(0),
    subscribe: (listener) => withdrawalNotifications.subscribe(listener),
  };
  const digests = new PersonDigests();
  const events = { notifications, withdrawalEvents };
  const intake = postgresIntake(database, digests, events, batchLimits, observer);
  const writeCheck = new WriteCheck(database, observer, clockSkew);
  const sql = new AuditedDatabase(postgresSqlDatabase(database));
  const recordLate = lateAttemptRecorder(sql, withdrawalEvents);
  const delivery = postgresDelivery(database, notifications, batchLimits, observer, recordLate);
  let closed: Promise<void> | undefined;

  /** Takes at most `retryTimeout` and a second, even if PostgreSQL no longer responds. */
  async function close(): Promise<void> {
    const deadline = setTimeout(() => database.abandon(), limits.retryTimeout);
    await Promise.all([intake.idle(), delivery.idle()]);
    await Promise.all([notifications.close(), withdrawalNotifications.close()]);
    await database.close();
    clearTimeout(deadline);
  }

  return {
    ...intake.calls,
    ...delivery.calls,
    ...sharedStore(sql, digests, withdrawalEvents),
    ...postgresOperatorActions(sql, digests, events),
    ...people(sql, digests, { excludeWriters }),
    ...contactedPeople(sql, digests, { excludeWriters }),
    ...postgresMaintenance,
    ...postgresTableWriter(database),
    ...watch(sql, {
      waiting: () => intake.waiting() + delivery.waiting(),
      onCounted: (rows) => mergeLeadCounts(database, rows),
    }),

    checkReady: () => writeCheck.run(),
    isServing: () => writeCheck.isServing(),
    clockSkew: () => writeCheck.clockSkew,

    close: () => (closed ??= close()),
  };
}
