import { closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { StoreObserver } from '../observer.ts';
import { StoreBusy } from '../store.ts';
import { Checkpoints } from './checkpoints.ts';

/** What makes last what was committed. */
export interface Durability {
  /** Fulfilled once all that was committed before the call is on the disk. @param writes how many that was */
  sync(writes: number): Promise<void>;
  /** Makes up for a sync that failed; does nothing where none did. @throws where it cannot */
  recover(): void;
  close(): Promise<void>;
}

/** For a database in memory, where nothing lasts. */
export const nothingLasts: Durability = { sync: async () => {}, recover() {}, close: async () => {} };

/**
 * The write-ahead log of a database, synced beside the process rather than by SQLite within COMMIT, which would
 * hold up all requests for as long as the disk takes. SQLite itself (`synchronous=NORMAL`) syncs the log only
 * where it begins anew and before its pages go to the database file, so all that is left to do is to sync the
 * log after each commit, and to tell nobody before.
 */
export class WriteAheadLog implements Durability {
  readonly #database: DatabaseSync;
  readonly #file: number;
  readonly #checkpoints: Checkpoints;
  #isDoubtful = false;

  /** @param database a file in WAL mode, which is not empty any more */
  constructor(database: DatabaseSync, observer: StoreObserver) {
    this.#database = database;
    // SQLite follows symbolic links, and puts the log beside the file itself.
    const path = String(database.prepare('PRAGMA database_list').get()?.['file']);
    // Where the last connection to close removes the log, this one was closed before.
    this.#file = openSync(`${path}-wal`, 'r+');
    this.#checkpoints = new Checkpoints(path, () => observer.failure('checkpoint', 1));
  }

  sync(writes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => {
        if (error === null) {
          resolve();
          this.#checkpoints.committed(writes);
          return;
        }
        this.#isDoubtful = true;
        reject(error);
      });
    });
  }

  /**
   * After a sync that failed the system may have dropped what it could not write and call the next one good. So
   * nothing further may go into the log before its pages are in the database file, and it begins anew.
   */
  recover(): void {
    if (!this.#isDoubtful) return;
    const result = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.['busy'] !== 0) {
      throw new StoreBusy(
        'The disk failed, and somebody who reads the store keeps its log from beginning anew.',
      );
    }
    this.#isDoubtful = false;
  }

  async close(): Promise<void> {
    await this.#checkpoints.close();
    closeSync(this.#file);
  }
}
