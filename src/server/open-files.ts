import { readFileSync } from 'node:fs';

/** Returns the maximum number of files and sockets that this process can open; undefined: unknown. */
export function maxOpenFiles(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Only Linux has the file.
    return undefined;
  }
}
