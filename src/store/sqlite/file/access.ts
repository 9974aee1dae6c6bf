import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** A file or directory that this process may not use. */
interface Denied {
  path: string;
  isDirectory: boolean;
  /** User id of its owner. */
  uid: number;
}

const { R_OK, W_OK, X_OK } = constants;

/** Returns the name of the user that runs this process, or its id. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user id without an entry in its user database.
    return String(process.getuid?.() ?? 'of this process');
  }
}

/**
 * Describes which part of a store this process may not use, whose it is, and what to do; undefined: it may use every
 * part that exists. The owner is probably the server's user, so the remedy is to become it rather than to take its
 * files.
 *
 * @param file absolute path of the database file
 */
export function explainDenied(file: string): string | undefined {
  const denied = findDenied(file);
  if (denied === undefined) return undefined;
  const { path, isDirectory, uid } = denied;
  const directory = isDirectory ? path : dirname(path);
  const reason = `The user ${currentUser()} may not read and write ${path}.`;
  const chown = `make that user the owner of ${directory} and every file in it (\`chown\`).`;
  if (uid === process.getuid?.()) {
    return `${reason} It belongs to that user: run \`chmod ${isDirectory ? 'u+rwx' : 'u+rw'} ${path}\`.`;
  }
  if (uid === 0) return `${reason} It belongs to root. If the server runs as another user, ${chown}`;
  const owner = nameOf(uid);
  return `${reason} It belongs to ${owner}. Run this command as ${owner}: \`runuser -u ${owner} -- ...\`. Only if the server runs as another user, ${chown}`;
}

/** Returns the first directory above the file, or the first file of the store, that this process may not use. */
function findDenied(file: string): Denied | undefined {
  const directory = dirname(file);
  const needed: [path: string, mode: number][] = [
    ...directoriesAbove(directory).map((path): [string, number] => [path, X_OK]),
    [directory, R_OK | W_OK | X_OK],
    ...['', '-wal', '-shm'].map((suffix): [string, number] => [`${file}${suffix}`, R_OK | W_OK]),
  ];
  for (const [path, mode] of needed) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !isAllowed(path, mode)) {
      return { path, isDirectory: found.isDirectory(), uid: found.uid };
    }
  }
  return undefined;
}

/** Returns the directories that contain another, from the root. */
function directoriesAbove(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [] : [...directoriesAbove(parent), parent];
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    // A file system that is mounted read-only is another problem.
    return !(error instanceof Error && 'code' in error && error.code === 'EACCES');
  }
}

/** Returns the name of a user, or the id if the name is unknown: Node has no function for it. */
function nameOf(uid: number): string {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n');
    const [name] = users.map((line) => line.split(':')).find((fields) => fields[2] === String(uid)) ?? [];
    return name ?? String(uid);
  } catch {
    return String(uid);
  }
}
