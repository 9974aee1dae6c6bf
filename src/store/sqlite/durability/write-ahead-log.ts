import { closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { StoreObserver } from '../../observer.ts';
import { StoreUnavailable } from '../../store.ts';
import { closeReplaced, closeStore, markInUse } from '../file/closing.ts';
import { latestMigration } from '../file/migrate.ts';
import { StoreFiles } from '../file/store-files.ts';
import { isInUse, migrationOf, type Version } from '../file/version.ts';
import { Query } from '../query.ts';
import { Checkpoints } from './checkpoints.ts';
import { descriptorOf } from './synced-file.ts';

/** What makes last what was committed. */
export interface Durability {
  /**
   * Begins a transaction that writes, after having made up for a sync that failed.
   *
   * @throws {StoreUnavailable} where nothing may be written
   */
  begin(): void;
  /**
   * Fulfilled once all that was committed before the call is on the disk.
   *
   * @param writes how many that was
   * @throws {StoreUnavailable} where it may not last
   */
  sync(writes: number): Promise<void>;
  /** Why nothing may be read or written any more by this process; undefined while it may. */
  readonly refusal: StoreUnavailable | undefined;
  /** Takes at once what it needs later, so that it is there then. */
  start(): void;
  /** Carries the log over and truncates it; resolves to false where a reader or a writer was in the way. */
  emptyLog(): Promise<boolean>;
  /** Closes the database as well. */
  close(): Promise<void>;
}

/** For a database in memory, where nothing lasts. */
export function inMemoryDurability(database: DatabaseSync): Durability {
  const begin = new Query(database, 'BEGIN IMMEDIATE');
  return {
    begin: () => void begin.run(),
    sync: async () => {},
    refusal: undefined,
    start() {},
    emptyLog: async () => true,
    close: async () => database.close(),
  };
}

/**
 * The write-ahead log of a database, synced beside the process rather than by SQLite within COMMIT, which would
 * hold up all requests for as long as the disk takes. SQLite itself (`synchronous=NORMAL`) syncs the log only
 * where it begins anew and before its pages go to the database file, so all that is left to do is to sync the
 * log after each commit, and to tell nobody before.
 *
 * A commit is acknowledged only while the store's files are those that were opened and its tables are those of this
 * version of the program. Once they are not, nothing is written any more, and only a new start can change that.
 */
export class WriteAheadLog implements Durability {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #log: number;
  readonly #files: StoreFiles;
  readonly #checkpoints: Checkpoints;
  readonly #begin: Query;
  readonly #version: Query<{ user_version: Version }>;
  #admitted: Version | undefined;
  #isDoubtful = false;
  #isReplaced = false;
  #refusal: StoreUnavailable | undefined;

  /**
   * @param database a file in WAL mode, which is not empty any more
   * @param given the path by which it is opened, and would be again
   */
  constructor(database: DatabaseSync, observer: StoreObserver, given?: string) {
    this.#database = database;
    // SQLite follows symbolic links, and puts the log beside the file itself.
    const path = String(database.prepare('PRAGMA database_list').get()?.['file']);
    this.#path = path;
    // Where the last connection to close removes the log, this one was closed before.
    this.#log = openSync(`${path}-wal`, 'r+');
    this.#files = new StoreFiles(
      [given ?? path, `${path}-wal`, `${path}-shm`],
      descriptorOf(path),
      this.#log,
    );
    this.#checkpoints = new Checkpoints(path, {
      failed: () => observer.failure('checkpoint', 1),
      carryOver: () => this.#carryOver(),
    });
    this.#begin = new Query(database, 'BEGIN IMMEDIATE');
    this.#version = new Query(database, 'PRAGMA user_version');
  }

  get refusal(): StoreUnavailable | undefined {
    return this.#refusal;
  }

  begin(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#isDoubtful) this.#beginLogAnew();
    this.#begin.run();
    const version = this.#version.first()?.user_version ?? 0;
    if (version !== this.#admitted) this.#admit(version);
  }

  sync(writes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#log, (error) => {
        if (error !== null) {
          this.#isDoubtful = true;
          reject(
            new StoreUnavailable('The disk failed, and nobody knows whether a change will last.', {
              cause: error,
            }),
          );
        } else if (this.#refusal !== undefined) {
          reject(this.#refusal);
        } else {
          resolve();
          this.#checkpoints.committed(writes);
        }
      });
      // While the disk works, so that it takes no time of its own.
      this.#lookForFiles();
    });
  }

  start(): void {
    this.#checkpoints.start();
  }

  emptyLog(): Promise<boolean> {
    return this.#checkpoints.empty();
  }

  async close(): Promise<void> {
    await this.#checkpoints.close();
    closeSync(this.#log);
    if (this.#isReplaced) closeReplaced(this.#database, this.#path);
    else closeStore(this.#database, this.#path);
  }

  /** Judges a version that was not there at the last transaction. The transaction stays begun unless this throws. */
  #admit(version: Version): void {
    if (migrationOf(version) > latestMigration) {
      this.#database.exec('ROLLBACK');
      this.#refusal = new StoreUnavailable(
        `A newer version has migrated the store ${this.#path}, so this process writes nothing any more. Stop it and start the newer version. (The store has migration ${migrationOf(version)}; this version knows ${latestMigration}.)`,
      );
      throw this.#refusal;
    }
    if (!isInUse(version)) {
      this.#database.exec('ROLLBACK');
      markInUse(this.#database);
      this.begin();
      return;
    }
    this.#admitted = version;
  }

  #lookForFiles(): void {
    const lost = this.#admitted === undefined ? undefined : this.#files.replaced(this.#admitted);
    if (lost === undefined) return;
    this.#isReplaced = true;
    this.#refusal = new StoreUnavailable(
      `${lost} was removed or replaced while this process was using it, so nothing is accepted any more. Stop every process that uses the store, put its files back or restore a backup, then start again.`,
    );
  }

  /**
   * After a sync that failed the system may have dropped what it could not write and call the next one good. So
   * nothing further may go into the log before its pages are in the database file, and it begins anew.
   */
  #beginLogAnew(): void {
    const result = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.['busy'] !== 0) {
      throw new StoreUnavailable(
        'The disk failed, and somebody who reads the store keeps its log from beginning anew.',
      );
    }
    this.#isDoubtful = false;
  }

  #carryOver(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // The log grows meanwhile; SQLite itself carries it over at the latest when it is very large.
    }
  }
}
