import { fstatSync, openSync, statSync } from 'node:fs';
import { isSameFile } from './same-file.ts';

const forReading = new Map<string, number>();
const forWriting = new Map<string, number>();

/**
 * Returns a descriptor of a database file, which stays open until the process ends. Closing any descriptor of a file
 * releases all locks of the process on it (POSIX, `close`), including those of SQLite, so the program opens each file
 * once and never closes it.
 *
 * @throws if the file cannot be opened
 */
export function descriptorOf(path: string): number {
  return cached(forReading, path, 'r');
}

/** Like `descriptorOf`, for writing. */
export function writableDescriptorOf(path: string): number {
  return cached(forWriting, path, 'r+');
}

function cached(descriptors: Map<string, number>, path: string, flags: 'r' | 'r+'): number {
  const known = descriptors.get(path);
  if (known !== undefined && isSameFile(fstatSync(known), statSync(path))) return known;
  const descriptor = openSync(path, flags);
  descriptors.set(path, descriptor);
  return descriptor;
}
