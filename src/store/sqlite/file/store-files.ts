import { readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type FileIdentity, isSameFile } from './same-file.ts';
import { type Version, versionInFile } from './version.ts';

interface KnownFile extends FileIdentity {
  path: string;
}

/** A file of a store that is no longer what was opened. */
export interface ReplacedFile {
  path: string;
  /** Whether another file, or none, has its name: what was opened is unchanged, and exists while a process has it open. */
  isMoved: boolean;
}

/** First four bytes of a log (sqlite.org/fileformat2.html, section 4.1). */
const logMagic = [0x377f0682, 0x377f0683];

/**
 * Resolution of a file system's timestamps (ms): two changes of a directory within this time may have the same
 * timestamp, so a directory that changed so recently is checked again.
 */
const timestampResolution = 100;

/**
 * The store's files as they were opened. SQLite continues to write to a file that was removed or replaced, and
 * everything written from then on is lost when the process ends. Each commit therefore checks the files before it is
 * acknowledged.
 */
export class StoreFiles {
  readonly #files: readonly KnownFile[];
  readonly #directory: string | undefined;
  readonly #file: number;
  readonly #log: number;
  readonly #magic = Buffer.alloc(4);
  /** Change time of the directory when all files were last found in place. Adding or removing any file changes it. */
  #checkedChange = Number.NaN;
  /** Version last read from the file itself. */
  #versionInFile: Version | undefined;

  /**
   * @param paths of the database file, its log and the log's index; all exist
   * @param file a descriptor of the database file
   * @param log a descriptor of the log
   */
  constructor(paths: readonly string[], file: number, log: number) {
    this.#files = paths.map(knownFile);
    const [directory, ...others] = new Set(paths.map(dirname));
    // A symbolic link to the file may be in another directory: then each file is checked every time.
    this.#directory = others.length === 0 ? directory : undefined;
    this.#file = file;
    this.#log = log;
  }

  /**
   * Returns a file that is no longer the one that was opened; undefined: all are unchanged. Takes a few microseconds.
   *
   * @param version of the store after the last commit
   */
  findReplaced(version: Version): ReplacedFile | undefined {
    const moved = this.#findMoved();
    if (moved !== undefined) return { path: moved.path, isMoved: true };
    const [file, log] = this.#files;
    const changed = this.#isLogTruncated() ? log : this.#isOverwritten(version) ? file : undefined;
    return changed && { path: changed.path, isMoved: false };
  }

  /** Checks the directory first: while it is unchanged, which is nearly always, the files need no check. */
  #findMoved(): KnownFile | undefined {
    if (this.#directory === undefined) return this.#files.find(isReplaced);
    const change = changeTime(this.#directory);
    if (change === this.#checkedChange) return undefined;
    const moved = this.#files.find(isReplaced);
    if (moved === undefined && Math.abs(Date.now() - change) > timestampResolution)
      this.#checkedChange = change;
    return moved;
  }

  /**
   * After another program has truncated the log, SQLite writes behind a hole. A log that a checkpoint truncated is
   * empty.
   */
  #isLogTruncated(): boolean {
    return readSync(this.#log, this.#magic, 0, 4, 0) === 4 && !hasLogHeader(this.#magic);
  }

  /** A backup copied over the file has another version. The file may receive its own version from the log later. */
  #isOverwritten(version: Version): boolean {
    if (versionInFile(this.#file) !== version) return this.#versionInFile === version;
    this.#versionInFile = version;
    return false;
  }
}

function knownFile(path: string): KnownFile {
  const { dev, ino } = statSync(path);
  return { path, dev, ino };
}

/** Returns when a directory last changed (ms since 1970); NaN: it cannot be read. */
function changeTime(directory: string): number {
  try {
    return statSync(directory).ctimeMs;
  } catch {
    return Number.NaN;
  }
}

/** Returns whether a log begins with SQLite's header. @param header at least its first four bytes */
export function hasLogHeader(header: Buffer): boolean {
  return logMagic.includes(header.readUInt32BE());
}

function isReplaced(file: KnownFile): boolean {
  try {
    const found = statSync(file.path, { throwIfNoEntry: false });
    return found === undefined || !isSameFile(found, file);
  } catch {
    // The directory can no longer be read. SQLite still has the file open, so it is not reported as replaced.
    return false;
  }
}
