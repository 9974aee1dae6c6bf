import { fstatSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { CheckpointedFile, CheckpointTask } from './checkpoint-thread.ts';
import { descriptorOf } from './synced-file.ts';

const thread = new URL('checkpoint-thread.ts', import.meta.url);

/**
 * When the log has grown by so many pages there is a checkpoint; with the usual page of 4 KiB that is 1 MB. The disk is
 * busy with each for a moment, in which commits wait: with 8 MB one request in a hundred waited twice as long at half of
 * the peak (`npm run bench`).
 */
const pagesBetween = 256;

/**
 * The same while many writes share each commit, 32 MB. They wait for each other then, not for the disk, and fewer
 * checkpoints write fewer pages, since one page has had several writes: a twelfth more leads.
 */
const pagesBetweenUnderLoad = 8_192;

/** So many writes in one commit come only of a server that has more to do than it can. */
const writesUnderLoad = 32;

/** What a commit adds to the log, roughly: the last page of each table and index, and a page of its own for each write. */
const pagesOfCommit = 10;

/** What is done when a checkpoint fails. */
export interface CheckpointFailure {
  /** Called for each checkpoint that failed. */
  failed(): void;
  /** Carries over what it can without a descriptor or a thread of its own, which may both be what is missing. */
  carryOver(): void;
}

type Settle = (isComplete: boolean) => void;

/**
 * Carries the write-ahead log over to the database file in a thread of its own. SQLite would do it within a COMMIT
 * now and then, which held up all requests for as long as the disk takes to sync hundreds of pages.
 *
 * The thread and its connection need eight descriptors. A server starts it before it needs it (`start`), and keeps it.
 * Where it cannot be started, or ends, nothing else does: the failure is reported, this thread carries the log over for
 * the time being, and the next checkpoint tries to start another.
 */
export class Checkpoints {
  readonly #file: CheckpointedFile;
  readonly #failure: CheckpointFailure;
  #worker: Worker | undefined;
  /** The tasks that the thread was given and has not answered, in their order. */
  #inFlight: Settle[] = [];
  #isFailing = false;
  #isClosed = false;
  #pages = 0;

  /** @param path of the database file, which exists @throws where it cannot be opened */
  constructor(path: string, failure: CheckpointFailure) {
    const descriptor = descriptorOf(path);
    this.#file = { path, descriptor, inode: fstatSync(descriptor).ino };
    this.#failure = failure;
  }

  /** Starts the thread, so that it has what it needs before descriptors become rare. */
  start(): void {
    if (!this.#isClosed) this.#worker ??= this.#newWorker();
  }

  /** Takes note of writes that were committed together. */
  committed(writes: number): void {
    this.#pages += pagesOfCommit + writes;
    const enough = writes > writesUnderLoad ? pagesBetweenUnderLoad : pagesBetween;
    if (this.#pages < enough || this.#inFlight.length > 0) return;
    this.#pages = 0;
    void this.#ask('checkpoint');
  }

  /** Carries everything over and truncates the log. Resolves to false where a reader or writer was in the way. */
  empty(): Promise<boolean> {
    return this.#ask('empty');
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#isClosed = true;
    this.#worker = undefined;
    await worker?.terminate();
    this.#settleAll();
  }

  #ask(task: CheckpointTask): Promise<boolean> {
    this.start();
    const worker = this.#worker;
    if (worker === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#inFlight.push(resolve);
      worker.postMessage(task);
    });
  }

  #newWorker(): Worker {
    const worker = new Worker(thread, {
      workerData: this.#file,
      resourceLimits: { maxOldGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.on('message', (isComplete: boolean) => {
      this.#isFailing = false;
      this.#inFlight.shift()?.(isComplete);
    });
    worker.on('error', (error) => this.#ended(worker, String(error)));
    worker.on('exit', (code) => this.#ended(worker, `the thread ended with ${code}`));
    return worker;
  }

  /** An error is followed by an exit: whichever comes first counts. */
  #ended(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#settleAll();
    if (!this.#isFailing) {
      process.emitWarning(
        `The log of ${this.#file.path} is carried over by the server's main thread, which holds up requests for a moment each time: the thread for it failed (${reason}). It is started again for the next checkpoint. If it keeps failing, check how many files the process may open (ulimit -n).`,
      );
    }
    this.#isFailing = true;
    this.#failure.failed();
    this.#failure.carryOver();
  }

  #settleAll(): void {
    for (const settle of this.#inFlight.splice(0)) settle(false);
  }
}
