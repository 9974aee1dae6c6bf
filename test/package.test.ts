/** The tarball of `npm pack` is installed without a compiler, and its commands run on the minimum version of Node. */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docsPaths } from '../src/server/docs-page.ts';
import { post } from './harness/client.ts';
import { defaultBody } from './harness/contract.ts';
import {
  type InstalledPackage,
  installPackage,
  runInstalled,
  startInstalled,
} from './harness/installed-package.ts';
import { emptyDatabase } from './harness/postgres.ts';
import { finished } from './harness/process.ts';
import { untilListening } from './harness/server-process.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPackage();
}, 300_000);
afterAll(() => rmSync(installed.directory, { recursive: true, force: true }));

const leads = (words: string[], environment?: Record<string, string>) =>
  runInstalled(installed, 'leads', words, environment);

test('the commands run on the minimum version of Node without a warning', async () => {
  const { stdout } = await runInstalled(installed, 'node', ['--version']);
  expect(`>=${stdout.trim().slice(1)}`).toBe(`${manifest.engines.node}.0`);
  const help = await leads(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/^Usage: leads \[options\]/);
  for (const command of ['leads', 'leads-server']) {
    const version = await runInstalled(installed, command, ['--version']);
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(new RegExp(`^leads-api ${manifest.version} \\(contract `));
  }
});

test('the commands report an older version of Node in one line', async (context) => {
  const older = '/usr/bin/node';
  const { stdout = '' } = spawnSync(older, ['--version'], { encoding: 'utf8' });
  const [, version = '', major] = /^v((\d+)\.\S+)/.exec(stdout ?? '') ?? [];
  // Older versions than 18 are supported by nobody, and newer ones than 22 are not old enough to fail.
  if (!(Number(major) >= 18 && Number(major) <= 22)) context.skip('There is no older version of Node.');
  for (const [, file] of Object.entries<string>(manifest.bin)) {
    const entry = join(installed.files, file);
    const { status, stderr, stdout: printed } = spawnSync(older, [entry, '--version'], { encoding: 'utf8' });
    expect({ file, status, printed, stderr }).toEqual({
      file,
      status: 1,
      printed: '',
      stderr: `This program needs Node ${manifest.engines.node.slice(2)} or later; this is ${version} (${older}). Install a newer version from nodejs.org, and put it first on the PATH.\n`,
    });
  }
});

test('the server accepts a lead, which the CLI lists, and serves every document', async () => {
  const environment = { DATABASE_URL: 'sqlite:leads.db', PORT: '0', METRICS_PORT: '0', BOOTSTRAP: 'on' };
  const server = startInstalled(installed, 'leads-server', [], environment);
  const ended = finished(server);
  const { target, welcome } = await untilListening(server);
  const accepted = await post(target, 'addLead', defaultBody('addLead'));
  expect(accepted.status).toBe(200);
  const due = await leads(['due', '--json'], environment);
  expect(due).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(due.stdout)).toMatchObject({ id: accepted.headers['lead-id'], partner: 'demo' });

  for (const path of ['/healthz', '/readyz', '/openapi.yaml', '/openapi.json', ...Object.keys(docsPaths)]) {
    expect((await fetch(target.url + path)).status, path).toBe(200);
  }
  server.kill('SIGTERM');
  const { code, stdout, stderr } = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: welcome });
  expect(stdout).toContain('Run `leads due --take 10` to deliver due leads, unless another server does.');
});

test('no command prints a warning on the minimum version of Node', async () => {
  const environment = { DATABASE_URL: 'sqlite:every-command.db' };
  const commands = [
    'store create',
    'type add motor --always',
    'partner add acme --type motor',
    'key list',
    'lead list',
    'submission list',
    'due --take 1',
    'delivery list',
    'settings list',
    'prune --older-than 400d --yes',
    'store backup copy.db',
    'store compact',
    'store migrate --yes',
    'store repair',
  ];
  for (const command of commands) {
    expect(await leads(command.split(' '), environment), command).toMatchObject({ code: 0, stderr: '' });
  }
});

test('messages name commands as they are installed', async () => {
  const environment = { DATABASE_URL: await emptyDatabase() };
  expect(await leads(['store', 'create'], environment)).toMatchObject({ code: 0, stderr: '' });
  expect(await leads(['partner', 'list'], environment)).toMatchObject({
    code: 0,
    stdout: 'There are no partners. Run `leads partner add` to add one.\n',
    stderr: '',
  });
});

test('the tarball is small and contains nothing for development', () => {
  const { size, paths } = installed.tarball;
  expect(size).toBeLessThan(2_500_000);
  const folders = new Set(paths.map((path) => path.split('/').slice(0, -1).at(0)));
  expect([...folders].toSorted()).toEqual(['dist', 'docs', 'generated', undefined]);
  expect(paths.filter((path) => /\.(ts|test\.js)$|mock|sandbox/.test(path))).toEqual([]);
});

test('installing it compiles nothing, and it imports only its files and its dependencies', () => {
  expect(globSync('**/{binding.gyp,*.node}', { cwd: installed.files })).toEqual([]);
  const allowed = [...Object.keys(manifest.dependencies), ...builtinModules];
  const compiled = globSync('dist/**/*.js', { cwd: installed.files });
  expect(compiled.length).toBeGreaterThan(150);
  const imported = compiled.flatMap((file) =>
    [
      ...readFileSync(join(installed.files, file), 'utf8').matchAll(
        /(?:from |import\(|import |require\()["']([^"'\n]+)["']/g,
      ),
    ].map(([, name = '']) => name),
  );
  const packages = imported
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  expect(packages.filter((name) => !allowed.includes(name))).toEqual([]);
  expect(imported.filter((name) => name.endsWith('.ts'))).toEqual([]);
});
