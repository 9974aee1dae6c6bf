import type { Store } from '../store.ts';
import { Changes } from './changes.ts';
import { PostgresDatabase } from './database.ts';
import { postgresHandOff } from './hand-off.ts';
import { postgresIntake } from './intake.ts';
import { currentMigration, latestMigration, migrate } from './migrate.ts';
import { postgresRecords } from './records.ts';
import { postgresRegistry } from './registry.ts';

export interface PostgresStoreOptions {
  /** How many connections there may be at once, besides one that listens for new leads. */
  connections?: number;
  /** How many calls of one kind may wait before further ones are refused. */
  capacity?: number;
}

export const defaultConnections = 10;
const defaultCapacity = 10_000;

/** So many calls share a statement at most: a longer one keeps the others waiting. */
const largestBatch = 500;

/**
 * The store in PostgreSQL, or in what speaks its protocol, for any number of servers at once.
 *
 * @param url `postgres://user:password@host:port/database`
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const { connections = defaultConnections, capacity = defaultCapacity } = options;
  const database = new PostgresDatabase(url, connections);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  const limits = { capacity, largest: largestBatch, atOnce: Math.max(1, Math.floor(connections / 4)) };
  const changes = new Changes(database);
  const intake = postgresIntake(database, changes, limits);
  const handOff = postgresHandOff(database, changes, limits);
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await Promise.all([intake.idle(), handOff.idle()]);
    await changes.close();
    await database.close();
  }

  return {
    ...intake,
    ...handOff,
    ...postgresRegistry(database),
    ...postgresRecords(database, changes),

    async checkReady() {
      const current = await currentMigration(database);
      if (current === latestMigration) return;
      throw new Error(`The store has migration ${current}, and this server needs ${latestMigration}.`);
    },

    close: () => (closed ??= close()),
  };
}
