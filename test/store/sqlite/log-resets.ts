import { readFileSync } from 'node:fs';

/** Returns how often the log of a store was reset, which its header counts (sqlite.org/fileformat2.html, section 4.1). */
export function logResets(file: string): number {
  return readFileSync(`${file}-wal`).readUInt32BE(12);
}
