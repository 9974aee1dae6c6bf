import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';

/** What can happen to the files of a store that is in use. */
export interface Harm {
  /** Completes "once …". */
  name: string;
  /** @param backup makes a backup of the store as it is now, and returns its path */
  harm(file: string, backup: () => Promise<string>): void | Promise<void>;
  /** The error, which contains the path of the missing file. */
  reason: RegExp;
}

const file = /leads\.db was removed or replaced/;

export const harms: readonly Harm[] = [
  { name: 'the file is removed', harm: (file) => rmSync(file), reason: file },
  {
    name: 'the log is removed',
    harm: (file) => rmSync(`${file}-wal`),
    reason: /leads\.db-wal was removed or replaced/,
  },
  {
    name: 'the log’s index is removed',
    harm: (file) => rmSync(`${file}-shm`),
    reason: /leads\.db-shm was removed or replaced/,
  },
  {
    name: 'the log is truncated',
    harm: (file) => truncateSync(`${file}-wal`),
    reason: /leads\.db-wal was removed or replaced/,
  },
  {
    name: 'the directory is moved away',
    harm: (file) => renameSync(dirname(file), `${dirname(file)}-old`),
    reason: file,
  },
  {
    name: 'a backup is renamed to the file',
    harm: async (file, backup) => renameSync(await backup(), file),
    reason: file,
  },
  {
    name: 'a backup is copied over the file',
    // In another process: closing a file here would release SQLite's locks.
    harm: async (file, backup) => void execFileSync('cp', [await backup(), file]),
    reason: file,
  },
];
