import { readFileSync } from 'node:fs';

/** Returns how many files and sockets this process can have open at once; undefined where the system does not say. */
export function maxOpenFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Only Linux has the file.
    return undefined;
  }
}
