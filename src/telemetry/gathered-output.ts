import type { Writable } from 'node:stream';

/** Maximum number of characters that are gathered. */
const maxGathered = 65_536;

/** Number of characters in the stream's buffer from which on the reader is considered stalled. */
const maxWaiting = 1_048_576;

/**
 * Writes lines of a log, those of one tick of the event loop at once: a system call for each costs as much as to make
 * the line. What is written to the same stream in another way needs a `flush` before it to keep the order. A process
 * that ends, even by an uncaught error, writes the rest; one that is killed may lose a tick's lines.
 *
 * While the stream's reader stalls, about 1 MB waits for it and further lines are dropped, so that a log that nobody
 * reads takes no memory. A terminal needs none of this: Node writes to it synchronously, so nothing waits.
 */
export class GatheredOutput {
  readonly #stream: Writable;
  readonly #onResume: (dropped: number) => void;
  #gathered = '';
  #lines = 0;
  /** Lines dropped since the reader stalled; 0 while it reads. */
  #missing = 0;
  #dropped = 0;

  /** @param onResume is called once the reader has read everything that waited, with the number of lines dropped since */
  constructor(stream: Writable, onResume: (dropped: number) => void) {
    this.#stream = stream;
    this.#onResume = onResume;
    process.once('exit', () => this.flush());
  }

  /** Number of lines that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line with its line break */
  write(line: string): void {
    if (this.#gathered === '') setImmediate(() => this.flush());
    this.#gathered += line;
    this.#lines += 1;
    if (this.#gathered.length > maxGathered) this.flush();
  }

  flush(): void {
    if (this.#gathered === '') return;
    const gathered = this.#gathered;
    const lines = this.#lines;
    this.#gathered = '';
    this.#lines = 0;
    if (this.#isReading()) this.#stream.write(gathered);
    else this.#drop(lines);
  }

  #isReading(): boolean {
    return this.#missing === 0 && this.#stream.writable && this.#stream.writableLength < maxWaiting;
  }

  #drop(lines: number): void {
    // From the first line that is dropped on, all are, until the rest is read: so one line can say how many.
    if (this.#missing === 0) this.#stream.once('drain', () => this.#resume());
    this.#missing += lines;
    this.#dropped += lines;
  }

  #resume(): void {
    const missing = this.#missing;
    this.#missing = 0;
    this.#onResume(missing);
  }
}
