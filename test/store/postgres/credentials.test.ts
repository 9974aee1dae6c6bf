/** Passwords can come from wherever PostgreSQL's own programs read them, not only from the URL. */
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, inject, onTestFinished, test, vi } from 'vitest';
import { connectionError } from '../../../src/store/postgres/connection/connection-error.ts';
import { connectionUrl } from '../../../src/store/postgres/connection/connection-url.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { asAdministrator, emptyDatabase } from '../../harness/postgres.ts';
import { startPostgres } from '../../harness/postgres-server.ts';
import { finished, start } from '../../harness/process.ts';
import { temporaryDirectory } from '../../harness/server.ts';

/** Creates a file that only its owner can read. */
function file(content: string): string {
  const path = join(temporaryDirectory(), 'file');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

function setVariables(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** Excludes the settings of the user who runs the tests. */
const none = { HOME: '/nonexistent', PGPASSFILE: '/nonexistent', PGSERVICEFILE: '/nonexistent' };

beforeEach(() => setVariables(none));

async function openAndClose(url: string): Promise<void> {
  await (await openPostgresStore(url)).close();
}

/** Creates a database, and a role that needs a password. Returns the URL of both without the password. */
async function databaseWithPassword() {
  const [username, password] = [`role_${randomBytes(8).toString('hex')}`, 'secret'];
  await asAdministrator(
    inject('postgresUrl'),
    `CREATE ROLE ${username} SUPERUSER LOGIN PASSWORD '${password}'`,
  );
  // Registered before the end of the database, which the role uses.
  onTestFinished(async () => {
    if (inject('postgresIsGiven')) await asAdministrator(inject('postgresUrl'), `DROP ROLE ${username}`);
  });
  const url = new URL(await emptyDatabase());
  url.username = username;
  url.password = '';
  const { hostname, port, pathname } = url;
  return { url: url.href, name: pathname.slice(1), username, password, hostname, port };
}

/** Returns the message with which a store does not open, and checks that it fails without retries. */
async function failureAtOnce(url: string): Promise<string> {
  // Longer than the test may take.
  const opening = openPostgresStore(url, { retryTimeout: 600_000 });
  return opening.then(String, (error: Error) => error.message);
}

/** The message of a store for which PostgreSQL requires a password. */
const noPassword =
  'The connection to PostgreSQL failed (PostgreSQL requires a password, and none was found). Add it to the URL or the service of the store, or add a line for this host, port, database and user to the password file (PGPASSFILE).';

test('fails at once without a password or with a wrong one, and reports where it belongs', async () => {
  const { url } = await databaseWithPassword();
  expect(await failureAtOnce(url)).toBe(noPassword);
  setVariables({ PGPASSWORD: 'wrong' });
  expect(await failureAtOnce(url)).toMatch(
    /^The connection to PostgreSQL failed \(password authentication failed for user "\w+"\)\. Correct the user or the password in /,
  );
});

test.each([
  [
    'a database that does not exist',
    /database "nowhere" does not exist\)\. Create the database, or /,
    'nowhere',
  ],
  [
    'a role without the right to connect',
    /permission denied for .*\)\. Grant CONNECT on the database/,
    undefined,
  ],
])('fails at once for %s', async (_, message, database) => {
  const url = new URL(await emptyDatabase());
  const name = url.pathname.slice(1);
  await asAdministrator(url.href, `REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
  await asAdministrator(url.href, `CREATE ROLE ${name} LOGIN PASSWORD 'secret'`);
  onTestFinished(async () => {
    await asAdministrator(inject('postgresUrl'), `DROP ROLE ${name}`);
  });
  url.username = name;
  url.password = 'secret';
  if (database !== undefined) url.pathname = database;
  expect(await failureAtOnce(url.href)).toMatch(message);
});

test('fails at once if pg_hba.conf requires a password with SCRAM, or has no line for the connection', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const lines = ['host all all 127.0.0.1/32 scram-sha-256', 'host postgres postgres 127.0.0.1/32 trust'];
  const withLines = async (count: number) => {
    writeFileSync(join(postgres.dataDirectory, 'pg_hba.conf'), lines.slice(-count).join('\n'));
    await postgres.stop();
    await postgres.start();
  };
  const url = new URL('/template1', postgres.url);
  url.password = '';
  await withLines(2);
  expect(await failureAtOnce(url.href)).toBe(noPassword);
  await withLines(1);
  expect(await failureAtOnce(url.href)).toMatch(/no pg_hba\.conf entry .*\)\. Check the user in /);
}, 60_000);

test('fails at once if PostgreSQL offers no TLS, or the file of the authority cannot be read', async () => {
  const url = new URL(await emptyDatabase());
  url.searchParams.set('sslmode', 'verify-full');
  expect(await failureAtOnce(url.href)).toContain('(PostgreSQL does not offer TLS). Set up TLS');
  url.searchParams.set('sslrootcert', '/nonexistent/root.crt');
  expect(await failureAtOnce(url.href)).toMatch(
    /\/nonexistent\/root\.crt.*\)\. Check the path of the file in /,
  );
});

test('reads the password from the file in PGPASSFILE', async () => {
  const { url, name, username, password } = await databaseWithPassword();
  setVariables({ PGPASSFILE: file(`other:*:*:*:wrong\n*:*:${name}:${username}:${password}\n`) });
  await openAndClose(url);
});

test('reads the password from PGPASSWORD', async () => {
  const { url, password } = await databaseWithPassword();
  setVariables({ PGPASSWORD: password, PGPASSFILE: file('*:*:*:*:wrong') });
  await openAndClose(url);
});

test.each(['postgres://?service=leads', 'postgres:///?service=leads'])(
  'reads all settings from a service: %s',
  async (url) => {
    const { name, username, password, hostname, port } = await databaseWithPassword();
    const lines = [
      `host=${hostname}`,
      `port = ${port}`,
      `dbname=${name}`,
      `user=${username}`,
      `password=${password}`,
    ];
    setVariables({
      PGSERVICEFILE: file(`# ours\n[other]\nhost=nowhere\n\n[leads]\n${lines.join('\n')}\n[last]\nport=1\n`),
    });
    await openAndClose(url);
  },
);

test('the URL takes precedence over the service', async () => {
  const { url, name, username, password, port } = await databaseWithPassword();
  setVariables({
    PGSERVICE: 'leads',
    PGSERVICEFILE: file('[leads]\nhost=nowhere\ndbname=other\nuser=other\nport=1\napplication_name=ours'),
    PGPASSFILE: file(`127.0.0.1:${port}:${name}:${username}:${password}`),
  });
  await openAndClose(url);
});

test('finds the line of a password file for the user of a service or a parameter', () => {
  const environment = {
    ...none,
    USER: 'root',
    PGPASSFILE: file('h:1:d:u:secret\nh:1:u:u:default\n'),
    PGSERVICEFILE: file('[leads]\nhost=h\nport=1\nuser=u\n'),
  };
  const passwordFor = (url: string) => new URL(connectionUrl(url, environment)).searchParams.get('password');
  expect(passwordFor('postgres:///d?service=leads')).toBe('secret');
  expect(passwordFor('postgres://other@h:1/d?user=u')).toBe('secret');
  // The default database has the name of the user.
  expect(passwordFor('postgres://?service=leads')).toBe('default');
});

test('reads a password file as PostgreSQL does', () => {
  const passfile = file('#h:1:d:u:comment\nshort:line\nh:1:d:u\\:v:p\\:a\\\\s+s &=%\n*:*:*:u:any\n');
  const passwordFor = (url: string) =>
    new URL(connectionUrl(url, { ...none, PGPASSFILE: passfile })).searchParams.get('password');
  expect(passwordFor('postgres://u%3Av@h:1/d')).toBe('p:a\\s+s &=%');
  expect(passwordFor('postgres://u@elsewhere/d')).toBe('any');
  expect(passwordFor('postgres://w@h:1/d')).toBeNull();
  expect(passwordFor('postgres://u:own@h:1/d')).toBeNull();
  expect(connectionUrl('postgres://u@h/d', { ...none, PGPASSFILE: '' })).toBe('postgres://u@h/d');
});

test('does without the password file of another user, in whose home directory it runs', async () => {
  const home = temporaryDirectory();
  writeFileSync(join(home, '.pgpass'), '*:*:*:*:secret', { mode: 0o600 });
  chmodSync(home, 0o000);
  onTestFinished(() => chmodSync(home, 0o700));
  // Root can read everything only with these capabilities.
  const without = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'];
  const under = process.getuid?.() === 0 ? without : [];
  const environment = { HOME: home, DATABASE_URL: (await databaseWithPassword()).url };
  const { stderr } = await finished(start('src/cli.ts', ['type', 'list'], environment, undefined, { under }));
  expect(stderr).toContain('PostgreSQL requires a password, and none was found');
});

test('refuses a service file with a password that others can read', () => {
  const servicefile = file('[leads]\nhost=h\n[other]\npassword=secret');
  const environment = { ...none, PGSERVICEFILE: servicefile };
  const open = (service: string) => () => connectionUrl(`postgres://?service=${service}`, environment);
  chmodSync(servicefile, 0o640);
  expect(open('other')).not.toThrow();
  chmodSync(servicefile, 0o644);
  expect(open('leads')).not.toThrow();
  expect(open('other')).toThrow(
    `Other users can read the service file ${servicefile}, which contains a password. Run \`chmod o= ${servicefile}\`.`,
  );
});

test('refuses a password file that others can read, and an undefined service', () => {
  const passfile = file('*:*:*:*:secret');
  chmodSync(passfile, 0o640);
  const environment = { ...none, PGPASSFILE: passfile, PGSYSCONFDIR: '/nonexistent' };
  expect(() => connectionUrl('postgres://u@h/d', environment)).toThrow(`chmod 0600 ${passfile}`);
  expect(() => connectionUrl('postgres://?service=leads', environment)).toThrow(
    'The service "leads" is not defined, because /nonexistent and /nonexistent/pg_service.conf do not exist. Create it, or set PGSERVICEFILE.',
  );
});

test('explains that peer authentication depends on the user of the operating system', () => {
  const refused = new Error('Peer authentication failed for user "leads"');
  expect(connectionError(refused).message).toMatch(
    /As root, run the command as this user, such as with `runuser -u leads/,
  );
});
