import { closeSync, fsyncSync, openSync } from 'node:fs';

/**
 * Syncs a file or a directory. Closing it releases every lock of this process on the file, so it must not be that of an
 * open store.
 */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
