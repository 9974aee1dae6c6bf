import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { descriptorOf } from './descriptors.ts';
import { isLogBegun } from './store-files.ts';
import { isInUse, isStoreFile, lineageOf, versionInFile, versionOffset } from './version.ts';

/** Another process that closes the store at this moment needs some milliseconds for it. */
const looks = 5;
const pause = 50;

/** Sizes in the log's format (sqlite.org/fileformat2.html, section 4). */
const logHeader = 32;
const frameHeader = 24;

/**
 * Looks at the files of a store before SQLite opens them, since SQLite takes a missing log for an empty one, and any log
 * for the file's own.
 *
 * @param accepted what the operator has decided to go on with
 * @throws where acknowledged leads would be lost, or the log of one store would be carried over to another
 */
export function inspectFiles(path: string, accepted?: 'without its log'): void {
  for (let look = 1; ; look += 1) {
    const fault = faultOf(path, accepted !== undefined);
    if (fault === undefined) return;
    if (look === looks) throw new Error(fault);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
}

function faultOf(given: string, isLogLost: boolean): string | undefined {
  const path = pathOf(given);
  const log = `${path}-wal`;
  // The log first: where it is gone, the process that closed the store has marked the file before.
  const logSize = sizeOf(log);
  const size = sizeOf(path) ?? 0;
  if (size === 0) return (logSize ?? 0) > logHeader ? missingFile(path) : undefined;
  const file = descriptorOf(path);
  const version = versionInFile(file);
  // `openDatabase` refuses the files of other programs.
  if (version === undefined || !isStoreFile(file)) return undefined;
  const isLeft = isInUse(version) && !isLogLost;
  if (logSize === undefined) return isLeft ? missingLog(path) : undefined;
  const belongs = belonging(log, lineageOf(version), isInUse(version));
  if (belongs === 'truncated') return isLeft ? truncatedLog(path) : undefined;
  return belongs ? undefined : foreignLog(path);
}

const missingFile = (path: string) =>
  `${path} is missing, but its log ${path}-wal is there. Put the file back, or restore a backup: move the log away, then put the backup in the place of the file.`;

const missingLog = (path: string) =>
  `${path} was not closed, and its log ${path}-wal is missing: the last leads are in the log alone. Put the log back beside the file. If it is lost, or another program (such as sqlite3) has opened the store since, which leaves nothing missing, run \`leads store repair\`: it accepts the file as it is.`;

const truncatedLog = (path: string) =>
  `${path} was not closed, and its log ${path}-wal has lost its beginning: somebody truncated it, and the last leads were in it alone. Stop every process that uses the store and restore a backup, or run \`leads store repair\`: it accepts the file as it is.`;

const foreignLog = (path: string) =>
  `${path}-wal is not the log of ${path}, which was restored or replaced. Stop every process that uses the store, move ${path}-wal and ${path}-shm away, then start again.`;

/**
 * Whether a log belongs to a file: a page 1 in it is of the file's lineage. One without a page 1 belongs to a file that
 * is in use, since the file's mark was carried over then. It also belongs to one that is closed if it never began anew:
 * this program's logs begin with the mark, so another program has written it since.
 *
 * A process goes on behind a hole when its log is truncated, and SQLite reads nothing of a log that begins with one.
 */
function belonging(log: string, lineage: number, isUsed: boolean): boolean | 'truncated' {
  // No lock is lost when it is closed: SQLite holds none on the log.
  const descriptor = openSync(log, 'r');
  try {
    const header = Buffer.alloc(logHeader);
    if (readSync(descriptor, header, 0, logHeader, 0) < logHeader) return true;
    if (!isLogBegun(header)) return 'truncated';
    const timesAnew = header.readUInt32BE(12);
    let [isEmpty, hasFirstPage] = [true, false];
    for (const { page, version } of frames(descriptor, header)) {
      isEmpty = false;
      if (page !== 1) continue;
      if (lineageOf(version) === lineage) return true;
      hasFirstPage = true;
    }
    return isEmpty || (!hasFirstPage && (isUsed || timesAnew === 0));
  } finally {
    closeSync(descriptor);
  }
}

/** The frames of a log since it last began anew; `version` counts for page 1 alone. */
function* frames(log: number, header: Buffer): Generator<{ page: number; version: number }> {
  const pageSize = header.readUInt32BE(8);
  const salts = header.subarray(16, 24);
  const frame = Buffer.alloc(frameHeader + versionOffset + 4);
  for (let at = logHeader; ; at += frameHeader + pageSize) {
    if (readSync(log, frame, 0, frame.length, at) < frame.length) return;
    if (!frame.subarray(8, 16).equals(salts)) return;
    yield { page: frame.readUInt32BE(0), version: frame.readInt32BE(frameHeader + versionOffset) };
  }
}

/** SQLite follows symbolic links, and puts the log beside the file itself. */
function pathOf(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    return given;
  }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
