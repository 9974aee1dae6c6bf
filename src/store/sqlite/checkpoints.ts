import { Worker } from 'node:worker_threads';

const thread = new URL('checkpoint-thread.ts', import.meta.url);

/** After so many writes there is a checkpoint: some 50 MB of log. */
const writesBetween = 10_000;

/**
 * Carries the write-ahead log over to the database file in a thread of its own. SQLite would do it within a COMMIT
 * now and then, which held up all requests for as long as the disk takes to sync hundreds of pages.
 */
export class Checkpoints {
  readonly #path: string;
  readonly #failed: () => void;
  #worker: Worker | undefined;
  #isUnderWay = false;
  #writes = 0;

  /**
   * @param path of the database file
   * @param failed is called for a checkpoint that failed; the next one makes up for it
   */
  constructor(path: string, failed: () => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** Counts writes that were committed. */
  wrote(count: number): void {
    this.#writes += count;
    if (this.#writes < writesBetween || this.#isUnderWay) return;
    this.#writes = 0;
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
    const worker = new Worker(thread, {
      workerData: this.#path,
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
