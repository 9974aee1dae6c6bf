import { readFileSync, statSync } from 'node:fs';

/** What a line of a password file is looked up by. */
export interface Login {
  host: string;
  port: string;
  database: string;
  user: string;
}

/** Permissions of the group and of others. A file with one of them is ignored, as PostgreSQL's own programs do. */
const othersMode = 0o077;

/**
 * The password for a login in a password file of PostgreSQL (documentation, section 34.16): lines
 * `host:port:database:user:password`, of which each of the first four may be `*`, and `\` escapes `:` and `\`.
 * Undefined: there is no such file or line.
 *
 * @throws if other users can read the file
 */
export function passwordIn(file: string, login: Login): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return undefined;
  if ((stats.mode & othersMode) !== 0) {
    throw new Error(`The password file ${file} can be read by other users. Run \`chmod 0600 ${file}\`.`);
  }
  const wanted = [login.host, login.port, login.database, login.user];
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = fieldsOf(line);
    if (fields.length < 5) continue;
    if (wanted.every((value, index) => fields[index] === '*' || fields[index] === value)) return fields[4];
  }
  return undefined;
}

function fieldsOf(line: string): string[] {
  return Array.from(line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g), ([, field = '']) =>
    field.replace(/\\(.)/g, '$1'),
  );
}
