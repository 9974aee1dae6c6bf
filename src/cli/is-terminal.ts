import type { Readable, Writable } from 'node:stream';

/** Returns whether a stream reads from a terminal or writes to one. */
export function isTerminal(stream: Readable | Writable): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
