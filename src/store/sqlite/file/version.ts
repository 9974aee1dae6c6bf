import { randomInt } from 'node:crypto';
import { readSync } from 'node:fs';

/** `application_id` of the program's files, so that it never migrates another program's ("LEAD" in ASCII). */
export const applicationId = 0x4c454144;

/** `application_id` of files written before version 1.0.0, whose tables this version does not read. */
export const prereleaseApplicationId = 0x6c656164;

/** Offset of `application_id` in the header, big-endian (sqlite.org/fileformat2.html, section 1.3). */
const applicationIdOffset = 68;

/**
 * `user_version`, the number that SQLite keeps for a program in the header of its file. It says three things:
 *
 * - Bits 0 to 15: the number of the last migration that ran.
 * - Bit 30: whether the store is in use, that is, whether the log (`-wal`) may hold commits that the file does not. The
 *   bit is in the file itself before the first commit, and is cleared when the last process closes the store.
 * - Bits 16 to 29: the lineage, a number that is drawn for each backup, and whenever a store that was closed is used again.
 *   A log belongs to a file if it has a page 1 of the file's lineage.
 */
export type Version = number;

/** The offset of `user_version` in the header, big-endian (sqlite.org/fileformat2.html, section 1.3). */
export const versionOffset = 60;

const migrationBits = 0xffff;
const lineages = 0x4000;
const inUseBit = 0x4000_0000;

export function migrationOf(version: Version): number {
  return version & migrationBits;
}

export function lineageOf(version: Version): number {
  return (version >>> 16) & (lineages - 1);
}

export function isInUse(version: Version): boolean {
  return (version & inUseBit) !== 0;
}

/** The version of a store that was closed, once it is in use. The lineage stays, so that the log begins with the file's. */
export function inUse(version: Version): Version {
  return version | inUseBit;
}

/** The version of a store that is closed. */
export function closed(version: Version): Version {
  return version & ~inUseBit;
}

/** The version of the same store with a lineage that no file or log of before has. */
export function ofNewLineage(version: Version): Version {
  return (version & ~((lineages - 1) << 16)) | (randomInt(1, lineages) << 16);
}

/** The version of the same store after a migration. */
export function migrated(version: Version, migration: number): Version {
  return (version & ~migrationBits) | migration;
}

const bytes = Buffer.alloc(4);

/** Whether a file was written by this program, since version 1.0.0. */
export function isStoreFile(descriptor: number): boolean {
  return (
    readSync(descriptor, bytes, 0, 4, applicationIdOffset) === 4 && bytes.readInt32BE() === applicationId
  );
}

/** Reads the version that the file itself has, without what its log holds; undefined for a file that is cut short. */
export function versionInFile(descriptor: number): Version | undefined {
  return readSync(descriptor, bytes, 0, 4, versionOffset) === 4 ? bytes.readInt32BE() : undefined;
}
