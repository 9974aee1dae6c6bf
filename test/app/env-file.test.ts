/** Variables of the process and of `.env`: a mistake in one must not lead to a default or to half a password. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { readEnvironment } from '../../src/app/env-file.ts';
import { ConfigError } from '../../src/environment/variables.ts';
import { finished, run, start } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

/** Reads the environment in a directory with this `.env`. Returns what it reports. */
function problemsOf(file: string, environment: Record<string, string> = {}): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, '.env'), file);
  const [variables, workingDirectory] = [process.env, process.cwd()];
  process.env = environment;
  process.chdir(directory);
  try {
    readEnvironment();
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message}\n`;
  } finally {
    process.env = variables;
    process.chdir(workingDirectory);
  }
}

const misspelt = (name: string, meant: string) =>
  `${name} is not a variable of this program. Did you mean ${meant}? If ${name} belongs to another program, set ${meant} too.\n`;

test.each(['src/main.ts', 'src/cli.ts'])('%s does not start with misspelt variables', async (program) => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, '.env'), 'DAILLER=webhook\n');
  const words = program === 'src/cli.ts' ? ['type', 'list'] : [];
  const { code, stdout, stderr } = await run(program, words, { DATABASE_URI: 'sqlite:leads.db' }, directory);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(misspelt('DATABASE_URI', 'DATABASE_URL') + misspelt('DAILLER', 'DIALLER'));
});

test.each([
  ['DIALER_SECRET', 'DIALLER_SECRET'],
  ['dialler_url', 'DIALLER_URL'],
  ['ALLOWED_COUNTRES', 'ALLOWED_COUNTRIES'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['PORTS', 'PORT'],
  ['PGPASFILE', 'PGPASSFILE'],
  ['PGSERVICE_FILE', 'PGSERVICEFILE'],
  ['PGPASSWRD', 'PGPASSWORD'],
])('suggests for %s the variable %s, unless that is set too', (name, meant) => {
  expect(problemsOf(`${name}=x\n`)).toBe(misspelt(name, meant));
  expect(problemsOf(`${name}=x\n${meant}=\n`)).not.toContain('not a variable');
});

test.each(['DB_URL', 'POSTGRES_URL'])('suggests DATABASE_URL for %s, unless that is set too', (name) => {
  const environment = { [name]: 'postgres://localhost/leads' };
  expect(problemsOf('', environment)).toBe(misspelt(name, 'DATABASE_URL'));
  expect(problemsOf('DATABASE_URL=x', environment)).toBe('');
});

test('accepts variables of other programs', () => {
  const others = [
    'HOME',
    'HOSTNAME',
    'PGHOST',
    'PGPORT',
    'USER',
    'DATABASE_USER',
    'DATABASE_NAME',
    'POSTGRES_PORT',
  ];
  expect(problemsOf('', Object.fromEntries(others.map((name) => [name, 'x'])))).toBe('');
});

test.each([
  ['DIALLER_PASSWORD=pass#word', 1, 'DIALLER_PASSWORD'],
  ['# comment\n\nexport DIALLER_SECRET = whsec_a#b # both', 3, 'DIALLER_SECRET'],
  ['PGPASSWORD=#secret\r', 1, 'PGPASSWORD'],
])('reports a value in .env that is cut at an unquoted #: %j', (file, line, name) => {
  expect(problemsOf(file)).toBe(
    `Line ${line} of .env: the value of ${name} is cut at an unquoted "#". Write the value in quotes; or, if a comment starts there, put a space before "#".\n`,
  );
});

test.each([
  ['HOST=::1\nDIALLER_PASSWORD="pass#word\nDIALLER_LISTS={"motor":1001}\n', 2, '"', 'single'],
  ["DIALLER_PASSWORD='it", 1, "'", 'double'],
  ['DIALLER_PASSWORD="a\r\nDIALLER_USER="b"\r\n', 1, '"', 'single'],
])('reports a quote in .env that is not closed on its line: %j', (file, line, quote, other) => {
  expect(problemsOf(file)).toBe(
    `Line ${line} of .env: the value of DIALLER_PASSWORD begins with a quote (${quote}) that is not closed on its line. Close it; if ${quote} is part of the value, write the value in ${other} quotes.\n`,
  );
});

test('reports a value that is cut in the file that Node reads, as the units start it', async () => {
  const file = join(temporaryDirectory(), 'leads.env');
  writeFileSync(file, 'BOOTSTRAP=off\nDIALLER_PASSWORD=pass#word\n');
  const options = { nodeOptions: [`--env-file=${file}`] };
  const child = start('src/cli.ts', ['type', 'list'], {}, temporaryDirectory(), options);
  expect((await finished(child)).stderr).toMatch(
    `Line 2 of ${file}: the value of DIALLER_PASSWORD is cut at an unquoted "#".`,
  );
});

test.each([
  ['DIALLER_PASSWORD="pass#word" # comment'],
  ["DIALLER_PASSWORD='pass#word'"],
  ['DIALLER_PASSWORD=password # comment'],
  ['#DIALLER_PASSWORD=pass#word'],
  ['OTHER=pass#word'],
  ['DIALLER_LISTS="{\nHOST=127.0.0.1#x\n}"'],
  ['DIALLER_LISTS=\'{"motor":\n1001}\' # lists\nHOST="::1"'],
  ['OTHER="a\nHOST="::1"'],
  ['HOST=127#0\nHOST=127.0.0.1'],
])('accepts a comment, a quoted #, and values of other programs: %j', (file) => {
  expect(problemsOf(file)).toBe('');
});

test('does not report a value in .env that the environment overrides', () => {
  expect(problemsOf('DIALLER_PASSWORD=pass#word', { DIALLER_PASSWORD: 'pass#word' })).toBe('');
});

test('explains that .env cannot be read', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, '.env'));
  expect((await run('src/main.ts', [], {}, directory)).stderr).toBe(
    'The file .env in the working directory cannot be read (EISDIR). Make it a file that this user can read, or remove it.\n',
  );
});

test('explains that the working directory cannot be read', async () => {
  const directory = temporaryDirectory();
  // Root can read everything only with these capabilities.
  const asUser = process.getuid?.() === 0 ? 'setpriv --bounding-set=-dac_override,-dac_read_search' : '';
  const under = ['sh', '-c', `chmod 000 . && exec ${asUser} "$@"`, 'sh'];
  const words = ['type', 'list'];
  const child = start('src/cli.ts', words, { DATABASE_URL: 'sqlite:/nonexistent/a.db' }, directory, {
    under,
  });
  const { code, stderr } = await finished(child);
  chmodSync(directory, 0o700);
  expect(stderr).toBe(
    'This user has no access to the working directory (EACCES), which may contain a file .env. Change to a directory that this user can read, such as that of the store.\n',
  );
  expect(code).toBe(1);
});

test.each([
  [
    {
      DIALLER: 'webhook',
      DIALLER_URL: 'http://x/',
      DIALLER_SECRET: `whsec_${'a'.repeat(44)}`,
      DIALLER_USER: 'x',
    },
    'DIALLER_USER is set, but DIALLER=webhook does not read it. Remove it, or correct DIALLER.',
  ],
  [
    { SCREENING_SECRET: 'x' },
    'SCREENING_SECRET is set, but SCREENING_URL is not, so no service would be asked. Set SCREENING_URL, or remove SCREENING_SECRET.',
  ],
])('reports a variable that would not be used: %j', async (environment, problem) => {
  await expect(readConfig(environment)).rejects.toThrow(problem);
  await expect(readConfig({ DIALLER: 'none', DIALLER_USER: 'x' })).resolves.toBeDefined();
});

test('names the value for a proxy on this machine', async () => {
  await expect(readConfig({ TRUST_PROXY: 'localhost' })).rejects.toThrow('must be off, loopback (a proxy on');
});

test.each([
  [{ PORT: '0', METRICS_PORT: '0' }],
  [{ PORT: '9464', METRICS_PORT: '9464', HOST: '10.0.0.1' }],
  [{ PORT: '3000', METRICS_PORT: '9464' }],
])('accepts ports that do not collide: %j', async (environment) => {
  await expect(readConfig(environment)).resolves.toBeDefined();
});
