import { fstatSync, openSync, statSync } from 'node:fs';

const opened = new Map<string, number>();
const openedForWriting = new Map<string, number>();

/**
 * Returns a descriptor of a database file, to sync it and to read its header beside SQLite. It stays open as long as the
 * process lasts: whoever closes any descriptor of a file gives up all locks that the process has on it (POSIX, close),
 * and SQLite's are among them. So there is one for each file, however often it is asked for.
 *
 * @throws where the file cannot be opened
 */
export function descriptorOf(path: string): number {
  return kept(opened, path, 'r');
}

/** As `descriptorOf`, for writing. */
export function writableDescriptorOf(path: string): number {
  return kept(openedForWriting, path, 'r+');
}

function kept(descriptors: Map<string, number>, path: string, flags: 'r' | 'r+'): number {
  const known = descriptors.get(path);
  if (known !== undefined && isSameFile(known, path)) return known;
  const descriptor = openSync(path, flags);
  descriptors.set(path, descriptor);
  return descriptor;
}

function isSameFile(descriptor: number, path: string): boolean {
  const { dev, ino } = fstatSync(descriptor);
  const found = statSync(path);
  return found.dev === dev && found.ino === ino;
}
