import { existsSync, readFileSync, statSync } from 'node:fs';

/** Permission bit of users who are neither the owner of a file nor in its group. */
const readableByOthers = 0o004;

/**
 * Returns the settings of a service from PostgreSQL's connection service files (documentation, section 34.17), which
 * consist of sections `[service]` with lines `name=value`. The first file that contains the service takes precedence.
 *
 * @throws if no file contains it, this user cannot read a file, or other users can read its password
 */
export function serviceIn(files: readonly string[], service: string): Map<string, string> {
  for (const file of files) {
    const settings = existsSync(file) ? sectionOf(contentOf(file), service) : undefined;
    if (settings === undefined) continue;
    if (settings.has('password') && (statSync(file).mode & readableByOthers) !== 0) {
      throw new Error(
        `Other users can read the service file ${file}, which contains a password. Run \`chmod o= ${file}\`.`,
      );
    }
    return settings;
  }
  const existing = files.filter((file) => existsSync(file));
  const finding =
    existing.length > 0
      ? `is not defined in ${existing.join(' or ')}. Define it,`
      : `is not defined, because ${files.join(' and ')} ${files.length > 1 ? 'do' : 'does'} not exist. Create it,`;
  throw new Error(`The service ${JSON.stringify(service)} ${finding} or set PGSERVICEFILE.`);
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EACCES') throw error;
    throw new Error(
      `This user (id ${process.getuid?.()}) cannot read the service file ${file}. Give the file to a group of the user, with mode 640, as docs/operating/postgresql.md#on-a-debian-machine describes.`,
      { cause: error },
    );
  }
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
