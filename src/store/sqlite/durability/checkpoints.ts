import { fstatSync } from 'node:fs';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { descriptorOf } from '../file/descriptors.ts';
import type { CheckpointedFile, CheckpointTask } from './checkpoint-thread.ts';

/** In the compiled package, it is a JavaScript file, as this one. */
const thread = new URL(`checkpoint-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Growth of the log after which a checkpoint runs (pages; 1 MB with the usual page of 4 KiB). The disk is busy during a
 * checkpoint and commits wait, so small checkpoints keep the latency low (docs/performance.md).
 */
const checkpointInterval = 256;

/**
 * `checkpointInterval` under load (pages; 32 MB). Requests then wait for each other rather than for the disk, and fewer
 * checkpoints write fewer pages, because each page has been written several times meanwhile.
 */
const checkpointIntervalUnderLoad = 8_192;

/** Number of writes in one commit above which the server is considered under load. */
const writesUnderLoad = 32;

/**
 * Approximate number of pages that a commit adds to the log, besides one per write: the last page of each table and
 * index.
 */
const pagesPerCommit = 10;

/** Called if a checkpoint fails. */
export interface CheckpointFallback {
  /** Reports the failure. */
  failed(): void;
  /** Runs a checkpoint that needs neither a new descriptor nor a thread. */
  checkpoint(): void;
}

type Settle = (isComplete: boolean) => void;

/**
 * Runs checkpoints in a thread: SQLite would run them within a COMMIT, and block every request while the disk syncs
 * hundreds of pages.
 *
 * The thread and its connection need eight descriptors, so the server starts it early (`start`) and keeps it. If it
 * cannot be started or exits, the main thread runs the checkpoint, and the next one starts another thread.
 */
export class Checkpoints {
  readonly #file: CheckpointedFile;
  readonly #fallback: CheckpointFallback;
  #worker: Worker | undefined;
  /** Tasks sent to the thread, in order, that it has not finished. */
  #inFlight: Settle[] = [];
  #isFailing = false;
  #isClosed = false;
  #pages = 0;

  /** @param path of the database file, which exists @throws if the file cannot be opened */
  constructor(path: string, fallback: CheckpointFallback) {
    const descriptor = descriptorOf(path);
    this.#file = { path, descriptor, inode: fstatSync(descriptor).ino };
    this.#fallback = fallback;
  }

  /** Starts the thread, before the process runs short of descriptors. */
  start(): void {
    if (!this.#isClosed) this.#worker ??= this.#startWorker();
  }

  /** Counts the pages of a commit, and starts a checkpoint if the log has grown enough. @param writes in the commit */
  committed(writes: number): void {
    this.#pages += pagesPerCommit + writes;
    const interval = writes > writesUnderLoad ? checkpointIntervalUnderLoad : checkpointInterval;
    if (this.#pages < interval || this.#inFlight.length > 0) return;
    this.#pages = 0;
    void this.#send('checkpoint');
  }

  /**
   * Moves the log's content to the database file and truncates the log. Resolves to false if a reader or writer
   * prevented it.
   */
  truncateLog(): Promise<boolean> {
    return this.#send('truncate');
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#isClosed = true;
    this.#worker = undefined;
    await worker?.terminate();
    this.#failTasks();
  }

  #send(task: CheckpointTask): Promise<boolean> {
    this.start();
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#inFlight.push(resolve);
      worker.postMessage(task);
    });
  }

  #startWorker(): Worker {
    const worker = new Worker(thread, {
      workerData: this.#file,
      resourceLimits: { maxOldGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.on('message', (isComplete: boolean) => {
      this.#isFailing = false;
      this.#inFlight.shift()?.(isComplete);
    });
    worker.on('error', (error) => this.#onEnd(worker, String(error)));
    worker.on('exit', (code) => this.#onEnd(worker, `the thread exited with code ${code}`));
    return worker;
  }

  /** An `error` event is followed by `exit`; only the first of the two is handled. */
  #onEnd(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#failTasks();
    if (!this.#isFailing) {
      process.emitWarning(
        `The checkpoint thread of ${this.#file.path} failed (${reason}). Until the thread can be started again, the main thread runs the checkpoints, and each one blocks requests briefly. If the disk is full, free space on it. If it is not, and this continues, check how many files the process may open (ulimit -n).`,
      );
    }
    this.#isFailing = true;
    this.#fallback.failed();
    this.#fallback.checkpoint();
  }

  #failTasks(): void {
    for (const settle of this.#inFlight.splice(0)) settle(false);
  }
}
