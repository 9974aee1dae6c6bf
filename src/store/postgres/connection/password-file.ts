import { readFileSync, statSync } from 'node:fs';

/** What identifies a line of a password file. */
export interface Login {
  host: string;
  port: string;
  database: string;
  user: string;
}

/** Permission bits of the group and of others: a password file must have none of them, as for PostgreSQL's programs. */
const othersMode = 0o077;

/**
 * Returns the password for a login from one of PostgreSQL's password files (documentation, section 34.16). A line is
 * `host:port:database:user:password`; each of the first four can be `*`, and `\` escapes `:` and `\`. Undefined: there
 * is no such file or line.
 *
 * @throws if other users can read the file
 */
export function passwordIn(file: string, login: Login): string | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) return undefined;
  if ((stats.mode & othersMode) !== 0) {
    throw new Error(`Other users can read the password file ${file}. Run \`chmod 0600 ${file}\`.`);
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
