import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { currentUser, explainDenied } from './file/access.ts';

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

/** SQLite's extended result code if the index of the log (-shm) cannot grow, which needs space on the disk. */
const indexCannotGrow = 4_874;

/** Returns SQLite's primary result code; undefined: the error is not one of SQLite's. */
function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'errcode' in error)) return undefined;
  const extended = Number(error.errcode);
  // The low byte of the extended result code is the primary one.
  return extended === indexCannotGrow ? codes.full : extended & 0xff;
}

/** Returns whether another connection holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === codes.busy;
}

/** Returns whether the file itself is damaged, so that SQLite can neither read nor lock it. */
export function isDamaged(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === codes.corrupt || code === codes.notADatabase;
}

/**
 * Returns an error that names the store's file and states the remedy, with the original error as its cause. Returns
 * errors that come from neither SQLite nor the file system unchanged.
 */
export function explainError(error: unknown, file: string): unknown {
  if (!(error instanceof Error)) return error;
  const explanation =
    explainPath(error, file) ?? explanationOf(resultCodeOf(error) ?? resultCodeOfSystemError(error), file);
  return explanation === undefined ? error : new Error(`${explanation} (${error.message})`, { cause: error });
}

/** As `explainError`, for an error that occurred while a backup was written. @param directory of the backup */
export function explainBackupError(error: unknown, directory: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = resultCodeOf(error) ?? resultCodeOfSystemError(error);
  const explanations: Partial<Record<number, string>> = {
    [codes.full]: `The disk that holds the directory ${directory} is full, or a limit on file sizes is reached, so no backup was made. Free space on it, or choose another directory.`,
    [codes.readOnly]: `The user ${currentUser()} may not write to the directory ${directory}, so no backup was made. Choose a directory of that user.`,
  };
  const explanation = code === undefined ? undefined : explanations[code];
  return explanation === undefined ? error : new Error(`${explanation} (${error.message})`, { cause: error });
}

/** Explains an error of the file system that shows that the path is wrong; undefined: it shows no such thing. */
function explainPath(error: Error, file: string): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  const directory = dirname(file);
  if (code === 'EISDIR') {
    return `${file} is a directory. Set DATABASE_URL to a file in it, such as sqlite:${join(file, 'leads.db')}.`;
  }
  if (code === 'EROFS') {
    return `The file system of ${file} is mounted read-only. Mount it for writing, or set DATABASE_URL to a file on another one.`;
  }
  if (code === 'ENOTDIR') {
    return `${directory} is not a directory, or is below a file. Correct the path of ${file} in DATABASE_URL.`;
  }
  if ((code === 'EACCES' || code === 'EPERM' || code === 'ENOENT') && !existsSync(directory)) {
    // A directory also seems to be missing if one above it cannot be searched.
    const denied = code === 'ENOENT' ? undefined : explainDenied(file);
    if (denied !== undefined) return denied;
    return `The directory ${directory} does not exist, and the user ${currentUser()} cannot create it. Create it with that user as its owner, or correct the path in DATABASE_URL.`;
  }
  return undefined;
}

/** Maps an error of the file system to SQLite's result code for the same problem. */
function resultCodeOfSystemError(error: Error): number | undefined {
  const name = 'code' in error ? error.code : undefined;
  if (name === 'EACCES' || name === 'EPERM') return codes.readOnly;
  if (name === 'ENOSPC' || name === 'EDQUOT' || name === 'EFBIG') return codes.full;
  if (name === 'ENOENT' || name === 'EMFILE' || name === 'ENFILE') return codes.cannotOpen;
  return name === 'EIO' ? codes.ioError : undefined;
}

function explanationOf(code: number | undefined, file: string): string | undefined {
  switch (code) {
    case codes.busy:
      return `Another process holds the lock of ${file} and does not release it. Find it with \`fuser ${file}\` and end it.`;
    case codes.readOnly:
      return (
        explainDenied(file) ??
        `The user ${currentUser()} may not read and write ${file}. Check that DATABASE_URL is correct, that the file system is not mounted read-only, and who owns the file.`
      );
    case codes.ioError:
      return `The disk failed to read or write ${file}. Check the disk, its free space and the system log.`;
    case codes.notADatabase:
      return `${file} is not an SQLite database. Set DATABASE_URL to the store, or to a file that does not exist yet. If this file was the store, it is damaged: restore a backup.`;
    case codes.corrupt:
      return `${file} is damaged. Stop the server, then run \`leads store repair\`, or restore a backup.`;
    case codes.full:
      return `The disk that holds ${file} is full, or a limit on file sizes is reached. Free space on it.`;
    case codes.cannotOpen:
      return (
        explainDenied(file) ??
        `${file} or its log (-wal, -shm) cannot be opened. Check that DATABASE_URL is correct, that ${dirname(file)} exists, and that the process may open enough files (ulimit -n).`
      );
    default:
      return undefined;
  }
}
