import type { DatabaseSync } from 'node:sqlite';
import type { StoreUnavailable } from '../../store-unavailable.ts';
import { Query } from '../query.ts';

/** Makes commits durable. */
export interface Durability {
  /**
   * Begins a write transaction. After a failed sync it first resets the log.
   *
   * @throws {StoreUnavailable} if nothing may be written
   */
  begin(): void;
  /**
   * Resolves once every earlier commit is on the disk.
   *
   * @param writes number of writes in those commits
   * @throws {StoreUnavailable} if a commit may be lost
   */
  sync(writes: number): Promise<void>;
  /** Why this process may no longer read or write; undefined: it may. */
  readonly refusal: StoreUnavailable | undefined;
  /** Starts the checkpoint thread, before the process runs short of file descriptors. */
  start(): void;
  /**
   * Moves the log's content to the database file and truncates the log. Resolves to false if a reader or writer
   * prevented it.
   */
  truncateLog(): Promise<boolean>;
  /** Closes the database too. */
  close(): Promise<void>;
}

/** Returns the durability of an in-memory store, which has none. */
export function inMemoryDurability(database: DatabaseSync): Durability {
  const begin = new Query(database, 'BEGIN IMMEDIATE');
  return {
    begin: () => void begin.run(),
    sync: async () => {},
    refusal: undefined,
    start() {},
    truncateLog: async () => true,
    close: async () => database.close(),
  };
}
