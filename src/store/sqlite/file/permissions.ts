import { closeSync, existsSync, fchmodSync, openSync, statSync } from 'node:fs';

/** The store's files contain personal data: only the user that runs the server may read them. */
const ownerOnly = 0o600;
const others = 0o077;

/**
 * Creates an empty file that only its owner can read and write, regardless of the umask. SQLite gives its own files the
 * same mode.
 */
export function createPrivate(path: string): void {
  if (existsSync(path)) return;
  const descriptor = openSync(path, 'a', ownerOnly);
  try {
    fchmodSync(descriptor, ownerOnly);
  } finally {
    closeSync(descriptor);
  }
}

/** Emits a warning if other users of the machine can read or write files of the store. */
export function warnIfReadableByOthers(path: string): void {
  const exposed = [path, `${path}-wal`, `${path}-shm`].filter(isExposed);
  if (exposed.length === 0 || process.platform === 'win32') return;
  process.emitWarning(
    `Other users of this machine can read personal data in ${exposed.join(', ')}. Run \`chmod 600 ${exposed.join(' ')}\`.`,
  );
}

function isExposed(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & others) !== 0;
}
