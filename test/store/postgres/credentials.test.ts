/** Passwords can come from wherever PostgreSQL's own programs read them, not only from the URL. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { connectionUrl } from '../../../src/store/postgres/connection/connection-url.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { emptyDatabase } from '../../harness/postgres.ts';
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

/** Creates a database that requires a password. Returns its URL without the password. */
async function databaseWithPassword() {
  const url = new URL(await emptyDatabase());
  const { username, password, hostname, port, pathname } = url;
  url.password = '';
  return { url: url.href, name: pathname.slice(1), username, password, hostname, port };
}

test('does not open a store without the password', async () => {
  await expect(openAndClose((await databaseWithPassword()).url)).rejects.toThrow(/password/);
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
});

test('refuses a password file that others can read, and an undefined service', () => {
  const passfile = file('*:*:*:*:secret');
  chmodSync(passfile, 0o640);
  const environment = { ...none, PGPASSFILE: passfile, PGSYSCONFDIR: '/nonexistent' };
  expect(() => connectionUrl('postgres://u@h/d', environment)).toThrow(`chmod 0600 ${passfile}`);
  expect(() => connectionUrl('postgres://?service=leads', environment)).toThrow(
    'The service "leads" is not defined in /nonexistent or /nonexistent/pg_service.conf.',
  );
});
