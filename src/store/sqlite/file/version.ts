import { randomInt } from 'node:crypto';
import { readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** `application_id` of the program's files ("LEAD" in ASCII). The program never migrates another program's file. */
export const applicationId = 0x4c454144;

/** `application_id` of files written by versions before 1.0.0, which this version cannot read. */
export const prereleaseApplicationId = 0x6c656164;

/** Offset of `application_id` in the file header, big-endian (sqlite.org/fileformat2.html, section 1.3). */
const applicationIdOffset = 68;

/**
 * `user_version`, the number that SQLite reserves for applications in the file header. It consists of three parts:
 *
 * - Bits 0 to 15: number of the last migration.
 * - Bit 30: whether the store is in use, which means that the log (`-wal`) may contain commits that the file does not.
 *   The bit is set in the file itself before the first commit, and cleared when the last process closes the store.
 * - Bits 16 to 29: the lineage, a random number for each backup and for each time that a closed store is used again. A
 *   log belongs to a file if it contains a page 1 of the same lineage.
 */
export type Version = number;

/** Offset of `user_version` in the file header, big-endian (sqlite.org/fileformat2.html, section 1.3). */
export const versionOffset = 60;

const migrationBits = 0xffff;
const lineages = 0x4000;
const inUseBit = 0x4000_0000;

/** Returns the number of the last migration. */
export function migrationOf(version: Version): number {
  return version & migrationBits;
}

/** Returns the lineage. */
export function lineageOf(version: Version): number {
  return (version >>> 16) & (lineages - 1);
}

/** Returns whether the log may contain commits that the file does not. */
export function isInUse(version: Version): boolean {
  return (version & inUseBit) !== 0;
}

/**
 * Returns the version with the in-use bit set. The lineage does not change, so that the log begins with that of the
 * file.
 */
export function markedInUse(version: Version): Version {
  return version | inUseBit;
}

/** Returns the version with the in-use bit cleared. */
export function markedClosed(version: Version): Version {
  return version & ~inUseBit;
}

/** Returns the version with a new random lineage. */
export function withNewLineage(version: Version): Version {
  return (version & ~((lineages - 1) << 16)) | (randomInt(1, lineages) << 16);
}

/** Returns the version with another migration. */
export function withMigration(version: Version, migration: number): Version {
  return (version & ~migrationBits) | migration;
}

/** Reads the version of a store, including what is in its log. */
export function versionOf(database: DatabaseSync): Version {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

const bytes = Buffer.alloc(4);

/** Returns whether version 1.0.0 or later of this program wrote the file. */
export function isStoreFile(descriptor: number): boolean {
  return (
    readSync(descriptor, bytes, 0, 4, applicationIdOffset) === 4 && bytes.readInt32BE() === applicationId
  );
}

/** Reads the version in the file itself, without its log. Undefined: the file has no complete header. */
export function versionInFile(descriptor: number): Version | undefined {
  return readSync(descriptor, bytes, 0, 4, versionOffset) === 4 ? bytes.readInt32BE() : undefined;
}
