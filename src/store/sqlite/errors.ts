import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const codes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** Returns SQLite's primary result code; undefined: the error is not one of SQLite's. */
function resultCodeOf(error: unknown): number | undefined {
  // The low byte of the extended result code is the primary one.
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}

/** Returns whether another connection holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === codes.busy;
}

/**
 * Returns an error that names the store's file and states the remedy, with the original error as its cause. Returns
 * errors that come from neither SQLite nor the file system unchanged.
 */
export function explainError(error: unknown, file: string): unknown {
  if (!(error instanceof Error)) return error;
  const explanation = explanationOf(resultCodeOf(error) ?? resultCodeOfSystemError(error), file);
  return explanation === undefined ? error : new Error(`${explanation} (${error.message})`, { cause: error });
}

/** Maps an error of the file system to SQLite's result code for the same problem. */
function resultCodeOfSystemError(error: Error): number | undefined {
  const name = 'code' in error ? error.code : undefined;
  if (name === 'EACCES' || name === 'EPERM' || name === 'EROFS') return codes.readOnly;
  if (name === 'ENOSPC' || name === 'EDQUOT' || name === 'EFBIG') return codes.full;
  if (name === 'ENOENT' || name === 'ENOTDIR' || name === 'EMFILE' || name === 'ENFILE')
    return codes.cannotOpen;
  return name === 'EIO' ? codes.ioError : undefined;
}

function explanationOf(code: number | undefined, file: string): string | undefined {
  switch (code) {
    case codes.busy:
      return `Another process holds the lock of ${file} and does not release it. Find it with \`fuser ${file}\` and end it.`;
    case codes.readOnly:
      return `The user ${user()} may not read and write ${file}. Make that user the owner of ${dirname(file)} and every file in it, and run the server and the \`leads\` command as that user; check that the file system is not mounted read-only.`;
    case codes.ioError:
      return `The disk failed to read or write ${file}. Check the disk, its free space and the system log.`;
    case codes.corrupt:
    case codes.notADatabase:
      return `${file} is damaged. Stop the server, then run \`leads store repair\`, or restore a backup.`;
    case codes.full:
      return `The disk that holds ${file} is full, or a limit on file sizes is reached. Free space on it.`;
    case codes.cannotOpen:
      return `${file} or its log (-wal, -shm) cannot be opened. Check that ${dirname(file)} exists, that the user ${user()} owns it and every file in it, and that the process may open enough files (ulimit -n).`;
    default:
      return undefined;
  }
}

function user(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user id without an entry in its user database.
    return String(process.getuid?.() ?? 'of this process');
  }
}
