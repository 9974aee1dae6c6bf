import { openSync } from 'node:fs';

const opened = new Map<string, number>();

/**
 * A descriptor of a database file, to sync it beside SQLite. It stays open as long as the process lasts: whoever
 * closes any descriptor of a file gives up all locks that the process has on it (POSIX, close), and SQLite's are
 * among them. So there is one for each path, however often it is asked for.
 *
 * @throws where the file cannot be opened
 */
export function descriptorOf(path: string): number {
  const descriptor = opened.get(path) ?? openSync(path, 'r');
  opened.set(path, descriptor);
  return descriptor;
}
