import { type StoreObserver, unobserved } from '../observer.ts';
import { archiveReader } from '../sql/archive.ts';
import { deliveryPauses } from '../sql/delivery-pauses.ts';
import { pruning } from '../sql/maintenance.ts';
import { records } from '../sql/records.ts';
import { registry } from '../sql/registry.ts';
import { watch } from '../sql/watch.ts';
import type { Store } from '../store.ts';
import { postgresArchiveWriter } from './archive.ts';
import { PostgresDatabase, type PostgresLimits } from './connection/database.ts';
import { migrate } from './connection/migrate.ts';
import { postgresDelivery } from './delivery.ts';
import { postgresIntake } from './intake/intake.ts';
import { mergeLeadCounts } from './lead-counts.ts';
import { postgresMaintenance } from './maintenance.ts';
import { LeadNotifications } from './notifications.ts';
import { postgresOperatorActions } from './operator-actions.ts';
import { postgresSqlDatabase } from './sql-database.ts';
import { WriteCheck } from './write-check.ts';

export interface PostgresStoreLimits extends PostgresLimits {
  /** How many calls of one kind may wait before further ones are refused. */
  capacity: number;
  /** Pause before a connection that listens is made again (ms). */
  reconnectPause: number;
}

const defaultLimits: PostgresStoreLimits = {
  connections: 10,
  statementTimeout: 5_000,
  responseTimeout: 6_000,
  patience: 5_000,
  capacity: 10_000,
  reconnectPause: 1_000,
};

/** So many calls share a statement at most: a longer one keeps the others waiting. */
const maxBatchSize = 500;

/** Submissions, cancellations, keys, look-ups and tries have statements of their own; each kind gets its part of the connections. */
const batchKinds = 5;

/** How many statements of one kind may be under way at once. @param connections that there may be to PostgreSQL */
export function statementsAtOnce(connections: number): number {
  return Math.max(1, Math.floor(connections / batchKinds));
}

/**
 * The store in PostgreSQL, or in what speaks its protocol, for any number of servers at once.
 *
 * @param url `postgres://user:password@host:port/database`
 */
export async function openPostgresStore(
  url: string,
  given: Partial<PostgresStoreLimits> = {},
  observer: StoreObserver = unobserved,
): Promise<Store> {
  const limits = { ...defaultLimits, ...given };
  const database = new PostgresDatabase(url, limits);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  const batchLimits = {
    capacity: limits.capacity,
    largest: maxBatchSize,
    maxWait: limits.patience,
    maxConcurrent: statementsAtOnce(limits.connections),
  };
  const changes = new LeadNotifications(database, limits.reconnectPause);
  const intake = postgresIntake(database, changes, batchLimits, observer);
  const delivery = postgresDelivery(database, changes, batchLimits, observer);
  const writeCheck = new WriteCheck(database, observer);
  const shared = postgresSqlDatabase(database);
  let closed: Promise<void> | undefined;

  /** Bounded by the patience and a second, even if PostgreSQL does not respond any more. */
  async function close(): Promise<void> {
    const deadline = setTimeout(() => database.abandon(), limits.patience);
    await Promise.all([intake.idle(), delivery.idle()]);
    await changes.close();
    await database.close();
    clearTimeout(deadline);
  }

  return {
    ...intake.calls,
    ...delivery.calls,
    ...deliveryPauses(shared),
    ...registry(shared),
    ...records(shared),
    ...postgresOperatorActions(shared, changes),
    ...pruning(shared),
    ...postgresMaintenance,
    ...archiveReader(shared),
    ...postgresArchiveWriter(database),
    ...watch(shared, {
      waiting: () => intake.waiting() + delivery.waiting(),
      counted: (rows) => mergeLeadCounts(database, rows),
    }),

    checkReady: () => writeCheck.run(),

    close: () => (closed ??= close()),
  };
}
