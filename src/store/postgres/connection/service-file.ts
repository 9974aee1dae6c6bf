import { existsSync, readFileSync, statSync } from 'node:fs';

/** Permission bit of users who are neither the owner of a file nor in its group. */
const readableByOthers = 0o004;

/**
 * Returns the settings of a service from PostgreSQL's connection service files (documentation, section 34.17), which
 * consist of sections `[service]` with lines `name=value`. The first file that contains the service takes precedence.
 *
 * @throws if no file contains it, or other users can read its password
 */
export function serviceIn(files: readonly string[], service: string): Map<string, string> {
  for (const file of files) {
    const settings = existsSync(file) ? sectionOf(readFileSync(file, 'utf8'), service) : undefined;
    if (settings === undefined) continue;
    if (settings.has('password') && (statSync(file).mode & readableByOthers) !== 0) {
      throw new Error(
        `Other users can read the service file ${file}, which contains a password. Run \`chmod o= ${file}\`.`,
      );
    }
    return settings;
  }
  throw new Error(
    `The service ${JSON.stringify(service)} is not defined in ${files.join(' or ')}. Define it, or set PGSERVICEFILE.`,
  );
}

function sectionOf(text: string, service: string): Map<string, string> | undefined {
  let settings: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (line.startsWith('[')) {
      if (settings !== undefined) return settings;
      if (line === `[${service}]`) settings = new Map();
    } else if (settings !== undefined && line !== '' && !line.startsWith('#')) {
      const [name = '', ...value] = line.split('=');
      settings.set(name.trim(), value.join('=').trim());
    }
  }
  return settings;
}
