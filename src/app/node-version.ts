/**
 * Minimum version of Node, as in package.json. This module imports nothing, and the entry points import nothing else
 * before they have called it: an older version cannot load the other modules, and would report a syntax error.
 */
const required = [24, 15] as const;

/** Ends the process with an error if its version of Node is too old. */
export function requireNode(version = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > required[0] || (major === required[0] && minor >= required[1])) return;
  process.stderr.write(
    `This program needs Node ${required.join('.')} or later; this is ${version} (${process.execPath}). Install a newer version from nodejs.org, and put it first on the PATH.\n`,
  );
  process.exit(1);
}
