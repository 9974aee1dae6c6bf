/** What identifies a file, whatever its path is: `Stats` has both. */
export interface FileIdentity {
  /** Device. */
  dev: number;
  /** Inode. */
  ino: number;
}

/** Returns whether two files are the same one. */
export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}
