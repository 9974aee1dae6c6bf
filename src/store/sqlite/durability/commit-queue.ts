import type { DatabaseSync } from 'node:sqlite';
import { UserError } from '../../../errors/user-error.ts';
import { type StoreObserver, unobserved } from '../../observer.ts';
import { StoreUnavailable } from '../../store.ts';
import { isBusy } from '../fault.ts';
import { Query } from '../query.ts';
import { TickCache } from './tick-cache.ts';
import type { Durability } from './write-ahead-log.ts';

interface Entry {
  run: () => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
  /** What it came to in the transaction; its caller is told after the commit. */
  result: unknown;
  /** Why it was undone alone; undefined where it was not. */
  failure: unknown;
}

export interface CommitQueueLimits {
  /** How many writes may wait before further ones are refused. */
  capacity: number;
  /** How long writes wait for a lock that another process holds, in milliseconds. */
  lockPatience: number;
}

export const defaultLimits: CommitQueueLimits = { capacity: 10_000, lockPatience: 5_000 };

/** So many writes share a commit at most; a batch keeps the process from everything else. */
const maxBatchSize = 500;

/** The pause before the lock is tried again, in milliseconds. */
const lockRetry = 1;

/**
 * Gathers the writes that arrive while the disk syncs the commit before, and commits them together, since a sync
 * costs more than all the rest. One that fails is undone alone. A write's promise is fulfilled once its commit is
 * on the disk.
 */
export class CommitQueue {
  readonly #database: DatabaseSync;
  readonly #durability: Durability;
  readonly #limits: CommitQueueLimits;
  readonly #observer: StoreObserver;
  readonly #commit: Query;
  readonly #save: Query;
  readonly #release: Query;
  #waiting: Entry[] = [];
  #scheduled = false;
  /** The sync that is under way. It is fulfilled when it has ended, with why it failed where it did. */
  #syncing: Promise<unknown> | undefined;
  /** When the first failed attempt at the lock was made; 0 while there is none. */
  #lockedSince = 0;
  #whenIdle: (() => void)[] = [];
  readonly #afterCommit = new Set<() => void>();
  readonly #memories: TickCache<unknown>[] = [];

  constructor(
    database: DatabaseSync,
    durability: Durability,
    limits: CommitQueueLimits,
    observer: StoreObserver = unobserved,
  ) {
    this.#database = database;
    this.#durability = durability;
    this.#limits = limits;
    this.#observer = observer;
    this.#commit = new Query(database, 'COMMIT');
    this.#save = new Query(database, 'SAVEPOINT entry');
    this.#release = new Query(database, 'RELEASE entry');
  }

  /**
   * Runs `work` in the next batch. Its result is given once the batch is committed and synced. It may
   * be run a second time after being undone, so it may change nothing but the store.
   *
   * @throws {StoreUnavailable} where too much is waiting
   */
  write<Result>(work: () => Result): Promise<Result> {
    const waiting = this.#waiting.length;
    if (waiting >= this.#limits.capacity) {
      return Promise.reject(new StoreUnavailable(`${waiting} writes are waiting for the store.`));
    }
    return new Promise<Result>((resolve, reject) => {
      // The cast: what run() returns is what its own resolve() takes.
      const tell = resolve as (result: unknown) => void;
      this.#waiting.push({ run: work, resolve: tell, reject, result: undefined, failure: undefined });
      this.#schedule();
    });
  }

  /** How many writes wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Calls `listener` after each batch that was committed, until the function that is returned is called. */
  onCommit(listener: () => void): () => void {
    this.#afterCommit.add(listener);
    return () => void this.#afterCommit.delete(listener);
  }

  /**
   * Reads what may be told to others: it is given once it is on the disk.
   *
   * @throws {StoreUnavailable} where the disk fails, or the store may not be used any more
   */
  async read<Result>(ask: () => Result): Promise<Result> {
    this.checkUse();
    const result = ask();
    const failure = await this.#syncing;
    if (failure !== undefined) throw failure;
    return result;
  }

  /** @throws {StoreUnavailable} where the store may not be used any more */
  checkUse(): void {
    const { refusal } = this.#durability;
    if (refusal !== undefined) throw refusal;
  }

  /** A memory of rows that forgets them, too, wherever a transaction of this queue begins or ends. */
  memory<Row>(): TickCache<Row> {
    const memory = new TickCache<Row>();
    this.#memories.push(memory);
    return memory;
  }

  /** Fulfilled once nothing is waiting. */
  idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#syncing === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#syncing !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    try {
      this.#durability.begin();
    } catch (error) {
      this.#beginFailed(error);
      return;
    }
    this.#lockedSince = 0;
    this.#forget();
    this.#commitBatch(this.#waiting.splice(0, maxBatchSize));
  }

  #beginFailed(error: unknown): void {
    const now = performance.now();
    this.#lockedSince ||= now;
    if (isBusy(error) && now - this.#lockedSince < this.#limits.lockPatience) {
      this.#scheduled = true;
      setTimeout(() => this.#flush(), lockRetry);
      return;
    }
    this.#lockedSince = 0;
    this.#observer.failure('write', this.#waiting.length);
    for (const entry of this.#waiting.splice(0)) entry.reject(error);
    this.#continue();
  }

  /**
   * Runs the batch in the transaction that was begun. Where one entry fails all are undone and run
   * once more, each in a savepoint: savepoints for every entry from the start would double what a
   * batch costs, since SQLite then copies each page that an entry touches.
   */
  #commitBatch(batch: Entry[]): void {
    const begun = performance.now();
    try {
      try {
        for (const entry of batch) entry.result = entry.run();
      } catch {
        // Nothing is lost here: the run in savepoints meets the same error and tells the entry's caller.
        this.#rollback();
        this.#durability.begin();
        for (const entry of batch) this.#runAlone(entry);
      }
      this.#commit.run();
      this.#forget();
    } catch (error) {
      this.#rollback();
      this.#observer.failure('write', batch.length);
      for (const entry of batch) entry.reject(error);
      this.#continue();
      return;
    }
    this.#syncing = this.#sync(batch, begun);
  }

  /** Syncs a batch that is committed, and tells its callers only then. */
  async #sync(batch: Entry[], begun: number): Promise<unknown> {
    const failure = await this.#failureOfSync(batch.length);
    this.#syncing = undefined;
    if (failure === undefined) {
      this.#observer.batch('write', batch.length, performance.now() - begun);
      for (const entry of batch) settle(entry);
      for (const tell of this.#afterCommit) tell();
    } else {
      this.#observer.failure('write', batch.length);
      for (const entry of batch) entry.reject(failure);
    }
    this.#continue();
    return failure;
  }

  async #failureOfSync(writes: number): Promise<unknown> {
    try {
      await this.#durability.sync(writes);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Runs one entry, and undoes it alone where it fails. @throws where its failure took the whole transaction with it */
  #runAlone(entry: Entry): void {
    this.#save.run();
    try {
      entry.result = entry.run();
      this.#release.run();
    } catch (error) {
      if (!this.#database.isTransaction) throw error;
      this.#database.exec('ROLLBACK TO entry; RELEASE entry');
      this.#forget();
      if (!(error instanceof UserError)) this.#observer.failure('write', 1);
      entry.failure = error;
    }
  }

  /** A full disk and the like end the transaction by themselves. */
  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    this.#forget();
  }

  #forget(): void {
    for (const memory of this.#memories) memory.forget();
  }

  #continue(): void {
    if (this.#waiting.length > 0) {
      this.#schedule();
      return;
    }
    for (const tell of this.#whenIdle.splice(0)) tell();
  }
}

function settle({ resolve, reject, result, failure }: Entry): void {
  if (failure === undefined) resolve(result);
  else reject(failure);
}
