import { readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Version, versionInFile } from './version.ts';

interface KnownFile {
  path: string;
  device: number;
  inode: number;
}

/** With these four bytes begins every log that SQLite has written to (sqlite.org/fileformat2.html, section 4.1). */
const logMagic = [0x377f0682, 0x377f0683];

/**
 * A file system may give two changes of a directory the same time when they are so close, in milliseconds: a directory
 * that has changed since is looked into again.
 */
const clockTick = 100;

/**
 * The store's files as they were opened. SQLite goes on writing to a file that was removed or replaced, and everything
 * written from then on is gone once the process ends: so each commit looks for them before it is acknowledged.
 */
export class StoreFiles {
  readonly #files: readonly KnownFile[];
  readonly #directory: string | undefined;
  readonly #file: number;
  readonly #log: number;
  readonly #magic = Buffer.alloc(4);
  /** When the directory had last changed when its files were all there; it changes with each name in it. */
  #unchangedSince = Number.NaN;
  /** The version that the file itself was seen to have. */
  #seen: Version | undefined;

  /**
   * @param paths of the database file, its log and the log's index, all of which exist
   * @param file a descriptor of the database file
   * @param log a descriptor of the log
   */
  constructor(paths: readonly string[], file: number, log: number) {
    this.#files = paths.map(knownFile);
    const [directory, ...others] = new Set(paths.map(dirname));
    // A link to the file may lie elsewhere.
    this.#directory = others.length === 0 ? directory : undefined;
    this.#file = file;
    this.#log = log;
  }

  /**
   * Returns the path of a file that is not any more what was opened; undefined while all are. It takes a few
   * microseconds.
   *
   * @param version of the store, as the last commit left it
   */
  findReplaced(version: Version): string | undefined {
    const lost = this.#lost();
    if (lost !== undefined) return lost.path;
    if (this.#isLogCut()) return this.#files[1]?.path;
    return this.#isOverwritten(version) ? this.#files[0]?.path : undefined;
  }

  /** A look at the directory, which is unchanged nearly always, spares one at each file. */
  #lost(): KnownFile | undefined {
    if (this.#directory === undefined) return this.#files.find(isReplaced);
    const changed = changedAt(this.#directory);
    if (changed === this.#unchangedSince) return undefined;
    const lost = this.#files.find(isReplaced);
    if (lost === undefined && Math.abs(Date.now() - changed) > clockTick) this.#unchangedSince = changed;
    return lost;
  }

  /** A log that somebody truncated goes on where it was, behind a hole; one that a checkpoint truncated is empty. */
  #isLogCut(): boolean {
    return readSync(this.#log, this.#magic, 0, 4, 0) === 4 && !isLogBegun(this.#magic);
  }

  /** A backup that is copied over the file is of another version. The log may have brought ours to the file only later. */
  #isOverwritten(version: Version): boolean {
    if (versionInFile(this.#file) !== version) return this.#seen === version;
    this.#seen = version;
    return false;
  }
}

function knownFile(path: string): KnownFile {
  const { dev, ino } = statSync(path);
  return { path, device: dev, inode: ino };
}

/** When a directory has last changed, in milliseconds since 1970; NaN where it cannot be read. */
function changedAt(directory: string): number {
  try {
    return statSync(directory).ctimeMs;
  } catch {
    return Number.NaN;
  }
}

/** Whether a log begins as SQLite lets them begin. @param header its first four bytes, or more */
export function isLogBegun(header: Buffer): boolean {
  return logMagic.includes(header.readUInt32BE());
}

function isReplaced({ path, device, inode }: KnownFile): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined || found.ino !== inode || found.dev !== device;
  } catch {
    // It is there for SQLite, which has it open, and only its directory cannot be read any more.
    return false;
  }
}
