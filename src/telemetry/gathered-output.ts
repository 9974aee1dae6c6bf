import type { Writable } from 'node:stream';

/** So many characters are held back at most. */
const mostHeld = 65_536;

/**
 * Writes lines of a log, those of one turn of the event loop at once: a system call for each costs as much as to
 * make the line. What comes later to the same stream by another way needs a `flush` before it to keep the order. A
 * process that ends, even by an error that nobody caught, writes the rest; one that is killed may lose a turn's.
 */
export class GatheredOutput {
  readonly #stream: Writable;
  #held = '';

  constructor(stream: Writable) {
    this.#stream = stream;
    process.once('exit', () => this.flush());
  }

  write(line: string): void {
    if (this.#held === '') setImmediate(() => this.flush());
    this.#held += line;
    if (this.#held.length > mostHeld) this.flush();
  }

  flush(): void {
    if (this.#held === '') return;
    const held = this.#held;
    this.#held = '';
    this.#stream.write(held);
  }
}
