import { closeSync, fdatasync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { StoreObserver } from '../../observer.ts';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { descriptorOf } from '../file/descriptors.ts';
import { closeReplacedStore, closeStore, markInUse } from '../file/lifecycle.ts';
import { latestMigration } from '../file/migrate.ts';
import { type ReplacedFile, StoreFiles } from '../file/store-files.ts';
import { isInUse, migrationOf, type Version } from '../file/version.ts';
import { Query } from '../query.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Durability } from './durability.ts';

/**
 * The write-ahead log of a database file. This class syncs the log after each commit in a thread of libuv, because
 * SQLite would sync it within COMMIT and block every request meanwhile.
 *
 * A commit is acknowledged only while the store's files are those that were opened and its tables are those of this
 * version of the program. Otherwise the process refuses to read and write until it is restarted.
 */
export class WriteAheadLog implements Durability {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #file: number;
  readonly #log: number;
  readonly #files: StoreFiles;
  readonly #checkpoints: Checkpoints;
  readonly #begin: Query;
  readonly #version: Query<{ user_version: Version }>;
  /** Version of the store that the last transaction accepted. */
  #checkedVersion: Version | undefined;
  #hasSyncFailed = false;
  #isReplaced = false;
  #refusal: StoreUnavailable | undefined;

  /**
   * @param database in WAL mode and not empty
   * @param openedPath path by which the file was opened, which may be a symbolic link
   */
  constructor(database: DatabaseSync, observer: StoreObserver, openedPath?: string) {
    this.#database = database;
    // SQLite resolves symbolic links and creates the log next to the file itself.
    const path = String(database.prepare('PRAGMA database_list').get()?.['file']);
    this.#path = path;
    this.#file = descriptorOf(path);
    this.#log = openSync(`${path}-wal`, 'r+');
    this.#files = new StoreFiles([openedPath ?? path, `${path}-wal`, `${path}-shm`], this.#file, this.#log);
    this.#checkpoints = new Checkpoints(path, {
      failed: () => observer.failure('checkpoint', 1),
      checkpoint: () => this.#checkpoint(),
    });
    this.#begin = new Query(database, 'BEGIN IMMEDIATE');
    this.#version = new Query(database, 'PRAGMA user_version');
  }

  get refusal(): StoreUnavailable | undefined {
    return this.#refusal;
  }

  begin(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#hasSyncFailed) this.#resetLog();
    this.#begin.run();
    const version = this.#version.first()?.user_version ?? 0;
    if (version !== this.#checkedVersion) this.#checkVersion(version);
  }

  sync(writes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#log, (error) => {
        if (error !== null) {
          this.#hasSyncFailed = true;
          reject(
            new StoreUnavailable(`Syncing ${this.#path}-wal failed. The last changes may be lost.`, {
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
      // Runs while the disk works, so it adds no latency.
      this.#checkFiles();
    });
  }

  start(): void {
    this.#checkpoints.start();
  }

  truncateLog(): Promise<boolean> {
    return this.#checkpoints.truncateLog();
  }

  async close(): Promise<void> {
    await this.#checkpoints.close();
    closeSync(this.#log);
    if (this.#isReplaced) closeReplacedStore(this.#database, this.#path);
    else closeStore(this.#database, this.#path);
  }

  /**
   * Checks a version that differs from that of the last transaction. A transaction is open afterwards, unless this
   * throws.
   */
  #checkVersion(version: Version): void {
    if (migrationOf(version) > latestMigration) {
      this.#database.exec('ROLLBACK');
      this.#refusal = new StoreUnavailable(
        `A newer version has migrated the store ${this.#path}, so this process no longer writes to it. Stop this process and start the newer version. (The store has migration ${migrationOf(version)}; this version knows migrations up to ${latestMigration}.)`,
      );
      throw this.#refusal;
    }
    if (!isInUse(version)) {
      this.#database.exec('ROLLBACK');
      markInUse(this.#database);
      this.begin();
      return;
    }
    this.#checkedVersion = version;
  }

  #checkFiles(): void {
    if (this.#checkedVersion === undefined) return;
    const replaced = this.#findReplaced(this.#checkedVersion);
    if (replaced === undefined) return;
    this.#isReplaced = true;
    this.#refusal = new StoreUnavailable(
      `${replaced.path} was removed or replaced while this process was using it, so no more requests are accepted. ${this.#remedyFor(replaced)}`,
    );
  }

  /** A file that was moved or deleted can be copied while this process has it open; ending the process deletes it. */
  #remedyFor({ isMoved }: ReplacedFile): string {
    if (!isMoved || process.platform !== 'linux') {
      return 'Stop every process that uses the store, put its files back or restore a backup, then start again.';
    }
    const [open, path] = [`/proc/${process.pid}/fd`, this.#path];
    return `Do not stop this process yet: it still has the files open, and can be the only one that has them. As its user or root, run \`cp ${open}/${this.#file} ${path}.saved\` and \`cp ${open}/${this.#log} ${path}.saved-wal\`. Then continue as docs/operating/sqlite.md describes under Deleted files.`;
  }

  /** @throws {StoreUnavailable} if the files cannot be read: the commit may be durable nevertheless */
  #findReplaced(version: Version): ReplacedFile | undefined {
    try {
      return this.#files.findReplaced(version);
    } catch (error) {
      throw new StoreUnavailable(`The files of ${this.#path} cannot be read. The last changes may be lost.`, {
        cause: error,
      });
    }
  }

  /**
   * Moves the log's pages to the database file and resets the log, before anything else is written to it. After a
   * failed sync the kernel may drop the pages that it could not write and still report success for the next sync.
   */
  #resetLog(): void {
    const result = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.['busy'] !== 0) {
      throw new StoreUnavailable(
        `Syncing ${this.#path}-wal failed, and another process that reads the store prevents resetting the log.`,
      );
    }
    this.#hasSyncFailed = false;
  }

  #checkpoint(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // The log grows until the next checkpoint succeeds, or SQLite runs one within a commit (`wal_autocheckpoint`).
    }
  }
}
