import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';

/** A way in which a store that is in use loses a file. */
export interface FileLoss {
  /** Completes "once …". */
  name: string;
  /** @param backup makes a backup of the store as it is now, and returns its path */
  cause(file: string, backup: () => Promise<string>): void | Promise<void>;
  /** The error, which contains the path of the missing file. */
  reason: RegExp;
}

const file = /leads\.db was removed or replaced/;

export const fileLosses: readonly FileLoss[] = [
  { name: 'the file is removed', cause: (file) => rmSync(file), reason: file },
  {
    name: 'the log is removed',
    cause: (file) => rmSync(`${file}-wal`),
    reason: /leads\.db-wal was removed or replaced/,
  },
  {
    name: 'the log’s index is removed',
    cause: (file) => rmSync(`${file}-shm`),
    reason: /leads\.db-shm was removed or replaced/,
  },
  {
    name: 'the log is truncated',
    cause: (file) => truncateSync(`${file}-wal`),
    reason: /leads\.db-wal was removed or replaced/,
  },
  {
    name: 'the directory is moved away',
    cause: (file) => renameSync(dirname(file), `${dirname(file)}-old`),
    reason: file,
  },
  {
    name: 'a backup is renamed to the file',
    cause: async (file, backup) => renameSync(await backup(), file),
    reason: file,
  },
  {
    name: 'a backup is copied over the file',
    // In another process: closing a file here would release SQLite's locks.
    cause: async (file, backup) => void execFileSync('cp', [await backup(), file]),
    reason: file,
  },
];
