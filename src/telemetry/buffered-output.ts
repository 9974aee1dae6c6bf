import type { Writable } from 'node:stream';

/** Maximum length of the buffer (characters). */
const maxBuffer = 65_536;

/** Minimum length of the stream's own buffer (characters) at which its reader is considered stalled. */
const maxWaiting = 1_048_576;

/**
 * Writes log lines in batches, one for each tick of the event loop: a system call per line would take as long as
 * formatting the line. Other code that writes to the stream must call `flush` first, to keep the order. A process that
 * exits, even because of an uncaught error, writes the rest; a process that is killed may lose the lines of a tick.
 *
 * If the stream's reader stalls, about 1 MB is kept for it and further lines are dropped, so that memory is bounded.
 * Node writes to a terminal synchronously, so no lines are dropped there.
 */
export class BufferedOutput {
  readonly #stream: Writable;
  readonly #onResume: (dropped: number) => void;
  #buffer = '';
  #lines = 0;
  /** Number of lines dropped since the reader stalled; 0 while it is reading. */
  #droppedSinceStall = 0;
  #dropped = 0;

  /** @param onResume called when the reader has caught up, with the number of lines dropped since it stalled */
  constructor(stream: Writable, onResume: (dropped: number) => void) {
    this.#stream = stream;
    this.#onResume = onResume;
    process.once('exit', () => this.flush());
  }

  /** Total number of dropped lines. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a line to the batch. @param line including its line break */
  write(line: string): void {
    if (this.#buffer === '') setImmediate(() => this.flush());
    this.#buffer += line;
    this.#lines += 1;
    if (this.#buffer.length > maxBuffer) this.flush();
  }

  /** Writes the batch, or drops it while the reader is stalled. A batch that cannot be written counts as dropped. */
  flush(): void {
    if (this.#buffer === '') return;
    const buffer = this.#buffer;
    const lines = this.#lines;
    this.#buffer = '';
    this.#lines = 0;
    if (!this.#isReading()) this.#drop(lines);
    else {
      this.#stream.write(buffer, (error) => {
        // The reader has ended, or the disk is full.
        if (error) this.#dropped += lines;
      });
    }
  }

  #isReading(): boolean {
    const { writable, writableLength } = this.#stream;
    return this.#droppedSinceStall === 0 && writable && writableLength < maxWaiting;
  }

  #drop(lines: number): void {
    // All lines are dropped until the reader has caught up, so that one line can report how many.
    if (this.#droppedSinceStall === 0) this.#stream.once('drain', () => this.#resume());
    this.#droppedSinceStall += lines;
    this.#dropped += lines;
  }

  #resume(): void {
    const dropped = this.#droppedSinceStall;
    this.#droppedSinceStall = 0;
    this.#onResume(dropped);
  }
}
