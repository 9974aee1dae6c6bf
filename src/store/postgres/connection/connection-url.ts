import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { passwordIn } from './password-file.ts';
import { serviceIn } from './service-file.ts';

const defaultHost = 'localhost';
const defaultPort = '5432';

/**
 * Completes a URL with the settings that PostgreSQL's own programs would use: a service (`?service=` or PGSERVICE, with
 * PGSERVICEFILE, `~/.pg_service.conf` and PGSYSCONFDIR) and a password file (`?passfile=`, PGPASSFILE or `~/.pgpass`).
 * The URL takes precedence over both. The driver reads PGPASSWORD, PGUSER and the other variables.
 *
 * @throws if the service is not defined, or other users can read its password or the password file
 */
export function connectionUrl(url: string, environment: NodeJS.ProcessEnv = process.env): string {
  const completed = new URL(url);
  const parameters = completed.searchParams;
  const service = parameters.get('service') ?? environment['PGSERVICE'];
  parameters.delete('service');
  if (service) addService(completed, serviceIn(serviceFiles(environment), service));
  const passwordFile = parameters.get('passfile') ?? environment['PGPASSFILE'] ?? ownPasswordFile();
  parameters.delete('passfile');
  const hasPassword = completed.password !== '' || parameters.has('password') || environment['PGPASSWORD'];
  if (hasPassword || passwordFile === undefined) return completed.href;
  const user =
    parameters.get('user') ??
    (decodeURIComponent(completed.username) || environment['PGUSER'] || environment['USER'] || '');
  const password = passwordIn(passwordFile, {
    host:
      parameters.get('host') ??
      (decodeURIComponent(completed.hostname) || environment['PGHOST'] || defaultHost),
    port: parameters.get('port') ?? (completed.port || environment['PGPORT'] || defaultPort),
    database: decodeURIComponent(completed.pathname.slice(1)) || environment['PGDATABASE'] || user,
    user,
  });
  if (password !== undefined) parameters.set('password', password);
  return completed.href;
}

/** Returns the path of `~/.pgpass`; undefined: it does not exist, or the home directory belongs to another user. */
function ownPasswordFile(): string | undefined {
  const file = join(homedir(), '.pgpass');
  return existsSync(file) ? file : undefined;
}

function serviceFiles(environment: NodeJS.ProcessEnv): string[] {
  const own = environment['PGSERVICEFILE'] ?? join(homedir(), '.pg_service.conf');
  const shared = environment['PGSYSCONFDIR'];
  return shared === undefined ? [own] : [own, join(shared, 'pg_service.conf')];
}

/**
 * Adds settings as query parameters, which the driver reads too, because a URL without a host cannot contain a user.
 */
function addService(url: URL, settings: ReadonlyMap<string, string>): void {
  const inUrl: Record<string, boolean> = {
    host: url.hostname !== '',
    port: url.port !== '',
    dbname: url.pathname.length > 1,
    user: url.username !== '',
    password: url.password !== '',
  };
  for (const [name, value] of settings) {
    if (inUrl[name] || url.searchParams.has(name)) continue;
    if (name === 'dbname') url.pathname = `/${encodeURIComponent(value)}`;
    else url.searchParams.set(name, value);
  }
}
