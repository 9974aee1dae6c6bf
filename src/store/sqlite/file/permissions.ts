import { closeSync, existsSync, fchmodSync, openSync, statSync } from 'node:fs';

/** What is in the store's files is about people: nobody but the user that runs the server needs to read it. */
const ownerOnly = 0o600;
const others = 0o077;

/** Creates an empty file that only its owner can read and write, whatever the umask; SQLite's own files follow it. */
export function createPrivate(path: string): void {
  if (existsSync(path)) return;
  const descriptor = openSync(path, 'a', ownerOnly);
  try {
    fchmodSync(descriptor, ownerOnly);
  } finally {
    closeSync(descriptor);
  }
}

/** Warns about files of the store that other users of the machine can read or write. */
export function warnOfOthers(path: string): void {
  const open = [path, `${path}-wal`, `${path}-shm`].filter(isOpenToOthers);
  if (open.length === 0 || process.platform === 'win32') return;
  process.emitWarning(
    `Other users of this machine can read people's data in ${open.join(', ')}. Run \`chmod 600 ${open.join(' ')}\`.`,
  );
}

function isOpenToOthers(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & others) !== 0;
}
