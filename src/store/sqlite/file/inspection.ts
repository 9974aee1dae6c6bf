import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { descriptorOf } from './descriptors.ts';
import { hasLogHeader } from './store-files.ts';
import { isInUse, isStoreFile, lineageOf, versionInFile, versionOffset } from './version.ts';

/**
 * Number of inspections before a problem is reported, and the time between two (ms): another process may be closing the
 * store.
 */
const maxInspections = 5;
const inspectionInterval = 50;

/** Sizes in the format of the log (bytes; sqlite.org/fileformat2.html, section 4). */
const logHeader = 32;
const frameHeader = 24;

/**
 * Inspects the files of a store before SQLite opens them. SQLite would treat a missing log as an empty one, and would
 * apply any log to the file, even that of another store.
 *
 * @param isLogLossAccepted whether the operator accepts that the log is lost
 * @throws if opening would lose acknowledged leads, or apply another store's log
 */
export function inspectFiles(path: string, { isLogLossAccepted = false } = {}): void {
  for (let inspection = 1; ; inspection += 1) {
    const problem = findProblem(path, isLogLossAccepted);
    if (problem === undefined) return;
    if (inspection === maxInspections) throw new Error(problem);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, inspectionInterval);
  }
}

/**
 * Returns whether the log of a store is lost, after the same checks.
 *
 * @throws if the store has another store's log, or only its log is left
 */
export function isLogLost(path: string): boolean {
  inspectFiles(path, { isLogLossAccepted: true });
  try {
    inspectFiles(path);
    return false;
  } catch {
    // Every other problem was thrown above.
    return true;
  }
}

function findProblem(given: string, isLogLossAccepted: boolean): string | undefined {
  const path = resolveLinks(given);
  const log = `${path}-wal`;
  // Reads the log first: a process that closes the store marks the file as closed before it removes the log.
  const logSize = sizeOf(log);
  const size = sizeOf(path) ?? 0;
  if (size === 0) return (logSize ?? 0) > logHeader ? missingFile(path) : undefined;
  const file = descriptorOf(path);
  const version = versionInFile(file);
  // `openDatabase` rejects the files of other programs.
  if (version === undefined || !isStoreFile(file)) return undefined;
  const needsLog = isInUse(version) && !isLogLossAccepted;
  if (logSize === undefined) return needsLog ? missingLog(path) : undefined;
  const logStatus = statusOfLog(log, lineageOf(version), isInUse(version));
  if (logStatus === 'truncated') return needsLog ? truncatedLog(path) : undefined;
  return logStatus === 'foreign' ? foreignLog(path) : undefined;
}

const missingFile = (path: string) =>
  `${path} is missing, but its log ${path}-wal exists. If a server is still running, do not stop it: it has the file open (docs/operating/sqlite.md, Deleted files). Otherwise, put the file back, or restore a backup with \`leads store restore\`.`;

const missingLog = (path: string) =>
  `${path} was not closed, and its log ${path}-wal, which contains the last leads, is missing. If a server is still running, do not stop it: it has the log open (docs/operating/sqlite.md, Deleted files). Otherwise, put the log back. If another program (such as sqlite3) has opened the store since, it has moved the log into the file and nothing is missing. In that case, or if the log is lost, run \`leads store repair\`: it accepts the file as it is, and holds the scheduled leads.`;

const truncatedLog = (path: string) =>
  `${path} was not closed, and its log ${path}-wal, which contained the last leads, has lost its beginning because it was truncated. Stop every process that uses the store and restore a backup, or run \`leads store repair\`: it accepts the file as it is, and holds the scheduled leads.`;

const foreignLog = (path: string) =>
  `${path}-wal is not the log of ${path}, which was restored or replaced. Stop every process that uses the store, move ${path}-wal and ${path}-shm to another directory, then start again.`;

/**
 * Returns whether a log is the file's own, another store's, or truncated. It is the file's own if it contains a page 1
 * of the file's lineage; if it has no page 1 and the file is marked as in use, because a checkpoint has moved the mark
 * to the file; or if it has no page 1 and was never reset, because this program's logs start with the mark, so another
 * program wrote it.
 *
 * If a log is truncated while a process uses it, the process continues behind a hole, and SQLite ignores a log that
 * begins with a hole.
 */
function statusOfLog(log: string, lineage: number, isUsed: boolean): 'own' | 'foreign' | 'truncated' {
  // Closing this descriptor releases no lock: SQLite locks the index (-shm), not the log.
  const descriptor = openSync(log, 'r');
  try {
    const header = Buffer.alloc(logHeader);
    if (readSync(descriptor, header, 0, logHeader, 0) < logHeader) return 'own';
    if (!hasLogHeader(header)) return 'truncated';
    const resets = header.readUInt32BE(12);
    let [isEmpty, hasFirstPage] = [true, false];
    for (const { page, version } of frames(descriptor, header)) {
      isEmpty = false;
      if (page !== 1) continue;
      if (lineageOf(version) === lineage) return 'own';
      hasFirstPage = true;
    }
    return isEmpty || (!hasFirstPage && (isUsed || resets === 0)) ? 'own' : 'foreign';
  } finally {
    closeSync(descriptor);
  }
}

/** Yields the frames written since the log was last reset. `version` is meaningful for page 1 only. */
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

/** Resolves symbolic links, as SQLite does: it creates the log next to the file itself. */
function resolveLinks(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    // The file does not exist, or its directory cannot be read; opening it reports the latter.
    return given;
  }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}
