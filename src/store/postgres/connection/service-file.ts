import { existsSync, readFileSync } from 'node:fs';

/**
 * Returns the settings of a service from PostgreSQL's connection service files (documentation, section 34.17), which
 * consist of sections `[service]` with lines `name=value`. The first file that contains the service takes precedence.
 *
 * @throws if no file contains it
 */
export function serviceIn(files: readonly string[], service: string): Map<string, string> {
  for (const file of files) {
    const settings = existsSync(file) ? sectionOf(readFileSync(file, 'utf8'), service) : undefined;
    if (settings !== undefined) return settings;
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
