import { readSync, statSync } from 'node:fs';
import { type Version, versionInFile } from './version.ts';

interface KnownFile {
  path: string;
  device: number;
  inode: number;
}

/** With these four bytes begins every log that SQLite has written to (sqlite.org/fileformat2.html, section 4.1). */
const logMagic = [0x377f0682, 0x377f0683];

/**
 * The store's files as they were opened. SQLite goes on writing to a file that was removed or replaced, and everything
 * written from then on is gone once the process ends: so each commit looks for them before it is acknowledged.
 */
export class StoreFiles {
  readonly #files: readonly KnownFile[];
  readonly #file: number;
  readonly #log: number;
  readonly #magic = Buffer.alloc(4);
  /** The version that the file itself was seen to have. */
  #seen: Version | undefined;

  /**
   * @param paths of the database file, its log and the log's index, all of which exist
   * @param file a descriptor of the database file
   * @param log a descriptor of the log
   */
  constructor(paths: readonly string[], file: number, log: number) {
    this.#files = paths.map((path) => {
      const { dev, ino } = statSync(path);
      return { path, device: dev, inode: ino };
    });
    this.#file = file;
    this.#log = log;
  }

  /**
   * Returns the path of a file that is not any more what was opened; undefined while all are. It takes some ten
   * microseconds.
   *
   * @param version of the store, as the last commit left it
   */
  replaced(version: Version): string | undefined {
    const lost = this.#files.find(isReplaced);
    if (lost !== undefined) return lost.path;
    if (this.#isLogCut()) return this.#files[1]?.path;
    return this.#isOverwritten(version) ? this.#files[0]?.path : undefined;
  }

  /** A log that somebody truncated goes on where it was, behind a hole; one that a checkpoint truncated is empty. */
  #isLogCut(): boolean {
    return readSync(this.#log, this.#magic, 0, 4, 0) === 4 && !logMagic.includes(this.#magic.readUInt32BE());
  }

  /** A backup that is copied over the file is of another version. The log may have brought ours to the file only later. */
  #isOverwritten(version: Version): boolean {
    if (versionInFile(this.#file) !== version) return this.#seen === version;
    this.#seen = version;
    return false;
  }
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
