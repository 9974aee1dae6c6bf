import { Worker } from 'node:worker_threads';
import type { CheckpointedFile } from './checkpoint-thread.ts';
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

/**
 * Carries the write-ahead log over to the database file in a thread of its own. SQLite would do it within a COMMIT
 * now and then, which held up all requests for as long as the disk takes to sync hundreds of pages.
 */
export class Checkpoints {
  readonly #path: string;
  readonly #failed: () => void;
  #worker: Worker | undefined;
  #isUnderWay = false;
  #pages = 0;

  /**
   * @param path of the database file
   * @param failed is called for a checkpoint that failed; the next one makes up for it
   */
  constructor(path: string, failed: () => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** Takes note of writes that were committed together. */
  committed(writes: number): void {
    this.#pages += pagesOfCommit + writes;
    const enough = writes > writesUnderLoad ? pagesBetweenUnderLoad : pagesBetween;
    if (this.#pages < enough || this.#isUnderWay) return;
    this.#pages = 0;
    this.#isUnderWay = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage('checkpoint');
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const file: CheckpointedFile = { path: this.#path, descriptor: descriptorOf(this.#path) };
    const worker = new Worker(thread, {
      workerData: file,
      resourceLimits: { maxOldGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.on('message', () => {
      this.#isUnderWay = false;
    });
    worker.on('error', (error) => {
      process.emitWarning(`A checkpoint of ${this.#path} failed: ${error}. The next one makes up for it.`);
      this.#isUnderWay = false;
      if (this.#worker === worker) this.#worker = undefined;
      this.#failed();
    });
    return worker;
  }
}
