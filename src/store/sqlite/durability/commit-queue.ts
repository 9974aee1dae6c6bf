import type { DatabaseSync } from 'node:sqlite';
import { UserError } from '../../../errors/user-error.ts';
import { type StoreObserver, unobserved } from '../../observer.ts';
import { StoreUnavailable } from '../../store-unavailable.ts';
import { explainError, isBusy } from '../errors.ts';
import { Query } from '../query.ts';
import type { Durability } from './durability.ts';
import { TickCache } from './tick-cache.ts';

/** A write that waits for its commit. */
interface Entry {
  run: () => unknown;
  /** Whether `run` changes nothing that a cache of the queue contains. */
  keepsCaches: boolean;
  /** Number of writes that it is as large as. */
  weight: number;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** What `run` returned. */
  result: unknown;
  /** Why this entry alone was rolled back; undefined if it was not. */
  failure: unknown;
}

/** Limits of the writes that wait for a commit. */
export interface CommitQueueLimits {
  /** Maximum number of waiting writes; further writes are rejected. */
  capacity: number;
  /** Maximum time that writes wait for a lock that another process holds (ms). */
  lockTimeout: number;
}

export const defaultLimits: CommitQueueLimits = { capacity: 10_000, lockTimeout: 5_000 };

/** Maximum weight of the writes in a commit. A batch blocks everything else in the process. */
const maxBatchSize = 500;

/** Time between two attempts to get the lock (ms). */
const lockRetryDelay = 1;

/**
 * Commits writes in batches: while the disk syncs one commit, the writes that arrive are gathered for the next. A write
 * that throws is rolled back alone. A write's promise resolves once its commit is on the disk.
 */
export class CommitQueue {
  readonly #database: DatabaseSync;
  /** Path of the database file, for messages. */
  readonly #path: string;
  readonly #durability: Durability;
  readonly #limits: CommitQueueLimits;
  readonly #observer: StoreObserver;
  readonly #commit: Query;
  readonly #savepoint: Query;
  readonly #release: Query;
  #waiting: Entry[] = [];
  #isScheduled = false;
  /** The sync in progress. Never rejects; resolves to the error if the sync failed. */
  #syncing: Promise<unknown> | undefined;
  /**
   * When the first of the failed attempts to get the lock was made (`performance.now()`); 0: the last one succeeded.
   */
  #lockedSince = 0;
  /** Number of waiting entries, from the first, that run again with a savepoint each. */
  #isolated = 0;
  #whenIdle: (() => void)[] = [];
  readonly #commitListeners = new Set<() => void>();
  readonly #caches: TickCache<unknown>[] = [];

  constructor(
    database: DatabaseSync,
    durability: Durability,
    limits: CommitQueueLimits,
    observer: StoreObserver = unobserved,
  ) {
    this.#database = database;
    this.#path = database.location() ?? ':memory:';
    this.#durability = durability;
    this.#limits = limits;
    this.#observer = observer;
    this.#commit = new Query(database, 'COMMIT');
    this.#savepoint = new Query(database, 'SAVEPOINT entry');
    this.#release = new Query(database, 'RELEASE entry');
  }

  /**
   * Runs `work` in the next batch. Resolves to its result once the batch is committed and synced. `work` may run a
   * second time after a rollback, so it must have no effect outside the store.
   *
   * @param keepsCaches whether `work` changes nothing that a cache of this queue contains
   * @param weight number of usual writes that it is as large as
   * @throws {StoreUnavailable} if too many writes are waiting
   */
  write<Result>(work: () => Result, keepsCaches = false, weight = 1): Promise<Result> {
    const waiting = this.#waiting.length;
    if (waiting >= this.#limits.capacity) {
      return Promise.reject(
        new StoreUnavailable(`The store queue is full; ${waiting} store calls are waiting.`),
      );
    }
    return new Promise<Result>((resolve, reject) => {
      // The cast: `settle` receives only what `work` returned.
      const settle = resolve as (result: unknown) => void;
      const outcome = { result: undefined, failure: undefined };
      this.#waiting.push({ run: work, keepsCaches, weight, resolve: settle, reject, ...outcome });
      this.#schedule();
    });
  }

  /** Number of waiting writes. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Calls `listener` after each committed batch. Returns an unsubscribe function. */
  onCommit(listener: () => void): () => void {
    this.#commitListeners.add(listener);
    return () => void this.#commitListeners.delete(listener);
  }

  /**
   * Runs `query` and resolves to its result once everything that it may have read is on the disk.
   *
   * @throws {StoreUnavailable} if the sync fails, or this process may no longer use the store
   */
  async read<Result>(query: () => Result): Promise<Result> {
    this.checkUsable();
    let result: Result;
    try {
      result = query();
    } catch (error) {
      throw explainError(error, this.#path);
    }
    const failure = await this.#syncing;
    if (failure !== undefined) throw failure;
    return result;
  }

  /** @throws {StoreUnavailable} if this process may no longer use the store */
  checkUsable(): void {
    const { refusal } = this.#durability;
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Creates a cache that is also cleared whenever a transaction of this queue begins or ends, and after each write in
   * it that may change what the cache contains. So within a transaction, it is as exact as the query.
   */
  cache<Row>(): TickCache<Row> {
    const cache = new TickCache<Row>();
    this.#caches.push(cache);
    return cache;
  }

  /** Resolves once no write is waiting or being synced. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#syncing === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled || this.#syncing !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    try {
      this.#durability.begin();
    } catch (error) {
      this.#onBeginFailed(error);
      return;
    }
    this.#lockedSince = 0;
    this.#clearCaches();
    const isolated = this.#isolated;
    this.#isolated = 0;
    if (isolated > 0)
      this.#commitBatch(this.#waiting.splice(0, isolated), (entry) => this.#runInSavepoint(entry));
    else this.#runBatch(this.#waiting.splice(0, this.#nextBatchSize()));
  }

  /** Returns the number of waiting writes that fit into a batch: at least the first one. */
  #nextBatchSize(): number {
    let weight = 0;
    const end = this.#waiting.findIndex((entry) => {
      weight += entry.weight;
      return weight > maxBatchSize;
    });
    return end < 0 ? this.#waiting.length : Math.max(1, end);
  }

  #onBeginFailed(error: unknown): void {
    const now = performance.now();
    this.#lockedSince ||= now;
    if (isBusy(error) && now - this.#lockedSince < this.#limits.lockTimeout) {
      this.#isScheduled = true;
      setTimeout(() => this.#flush(), lockRetryDelay);
      return;
    }
    this.#lockedSince = 0;
    this.#isolated = 0;
    this.#observer.failure('write', this.#waiting.length);
    for (const entry of this.#waiting.splice(0)) this.#reject(entry, error);
    this.#continue();
  }

  /**
   * Runs a batch in the open transaction. If an entry throws, the batch is rolled back and runs again with a savepoint
   * per entry. Savepoints from the start would double the cost of every batch: SQLite copies each page that an entry
   * changes.
   */
  #runBatch(batch: Entry[]): void {
    try {
      for (const entry of batch) this.#run(entry);
    } catch {
      // The second run meets the same error and rejects the entry with it.
      this.#rollback();
      this.#waiting.unshift(...batch);
      this.#isolated = batch.length;
      this.#flush();
      return;
    }
    this.#commitBatch(batch);
  }

  /** Commits a batch in the open transaction. @param run runs an entry that has not run yet in this transaction */
  #commitBatch(batch: Entry[], run?: (entry: Entry) => void): void {
    const begun = performance.now();
    try {
      if (run !== undefined) for (const entry of batch) run(entry);
      this.#commit.run();
      this.#clearCaches();
    } catch (error) {
      this.#rollback();
      this.#observer.failure('write', batch.length);
      for (const entry of batch) this.#reject(entry, error);
      this.#continue();
      return;
    }
    this.#syncing = this.#sync(batch, begun);
  }

  /** Syncs a committed batch, then settles its entries. */
  async #sync(batch: Entry[], begun: number): Promise<unknown> {
    const failure = await this.#syncFailure(batch.length);
    this.#syncing = undefined;
    if (failure === undefined) {
      this.#observer.batch('write', batch.length, performance.now() - begun);
      for (const entry of batch) this.#settle(entry);
      for (const notify of this.#commitListeners) notify();
    } else {
      this.#observer.failure('write', batch.length);
      for (const entry of batch) entry.reject(failure);
    }
    this.#continue();
    return failure;
  }

  async #syncFailure(writes: number): Promise<unknown> {
    try {
      await this.#durability.sync(writes);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #run(entry: Entry): void {
    entry.result = entry.run();
    if (!entry.keepsCaches) this.#clearCaches();
  }

  /** Runs one entry and rolls it back alone if it throws. @throws if its failure ended the whole transaction */
  #runInSavepoint(entry: Entry): void {
    this.#savepoint.run();
    try {
      this.#run(entry);
      this.#release.run();
    } catch (error) {
      if (!this.#database.isTransaction) throw error;
      this.#database.exec('ROLLBACK TO entry; RELEASE entry');
      this.#clearCaches();
      if (!(error instanceof UserError)) this.#observer.failure('write', 1);
      entry.failure = error;
    }
  }

  /** Some errors, such as a full disk, have already ended the transaction. */
  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    this.#clearCaches();
  }

  #clearCaches(): void {
    for (const cache of this.#caches) cache.clear();
  }

  #settle(entry: Entry): void {
    if (entry.failure === undefined) entry.resolve(entry.result);
    else this.#reject(entry, entry.failure);
  }

  #reject({ reject }: Entry, error: unknown): void {
    reject(explainError(error, this.#path));
  }

  #continue(): void {
    if (this.#waiting.length > 0) {
      this.#schedule();
      return;
    }
    for (const notify of this.#whenIdle.splice(0)) notify();
  }
}
