/** The units of `deploy/systemd/`, checked by systemd's own programs, and the settings that they read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { shutdownTimeout } from '../../src/app/shutdown.ts';
import { shipped } from '../harness/front.ts';
import { skipWithout } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

const units = fileURLToPath(new URL('../../deploy/systemd/', import.meta.url));
const services = readdirSync(units).filter((file) => file.endsWith('.service'));
const timers = readdirSync(units).filter((file) => file.endsWith('.timer'));

/** Returns the root of a machine on which the units are installed, with the programs that they start. */
function installedRoot(): string {
  const root = temporaryDirectory();
  for (const directory of ['etc/systemd/system', 'usr/bin', 'usr/lib/systemd']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  for (const name of ['bin', 'lib']) symlinkSync(`usr/${name}`, join(root, name));
  cpSync('/usr/lib/systemd/system', join(root, 'usr/lib/systemd/system'), { recursive: true });
  for (const unit of [...services, ...timers])
    cpSync(join(units, unit), join(root, 'etc/systemd/system', unit));
  for (const program of ['usr/local/bin/node', 'usr/bin/find', 'usr/bin/sh']) {
    mkdirSync(dirname(join(root, program)), { recursive: true });
    writeFileSync(join(root, program), '#!/bin/sh\n');
    chmodSync(join(root, program), 0o755);
  }
  return root;
}

test('systemd accepts the units', (context) => {
  skipWithout(context, ['systemd-analyze', '--version']);
  const words = ['verify', `--root=${installedRoot()}`, ...services, ...timers];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  expect(`${stdout}${stderr}`).toBe('');
  expect(status).toBe(0);
});

test.for(services)('%s is isolated from the rest of the machine', (unit, context) => {
  skipWithout(context, ['systemd-analyze', '--version']);
  // systemd's scale: 0 is perfectly isolated, 10 not at all. The threshold is ten times the score.
  const words = [
    'security',
    '--offline=true',
    '--threshold=15',
    '--no-pager',
    `--root=${installedRoot()}`,
    unit,
  ];
  const { status, stdout } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  const [line = ''] = /Overall exposure level.*/.exec(stdout) ?? [];
  console.log(line);
  expect(status, line).toBe(0);
});

test.each(services)('%s starts files that the package installs, as the user of the store', (unit) => {
  const text = readFileSync(join(units, unit), 'utf8');
  const { bin } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const programs = [...text.matchAll(/\/node_modules\/leads-api\/(\S+)/g)].map(([, file]) => file);
  expect(programs.length).toBeGreaterThan(0);
  for (const program of programs) expect(Object.values(bin)).toContain(program);
  expect(text).toContain('User=leads\n');
  expect(text).toContain('UMask=0077\n');
});

test('the command for root runs in the directory of the server, whose user cannot read that of root', (context) => {
  skipWithout(context, ['runuser', '--user', 'nobody', '--', 'true']);
  const state = temporaryDirectory();
  chmodSync(state, 0o755);
  const script = readFileSync(join(units, 'leads'), 'utf8')
    .replaceAll('/var/lib/leads', state)
    .replace('--user leads', '--user nobody')
    .replace(/\/usr\/local\/bin\/node[^"]*/, 'sh -c \'pwd; echo "$@"\' sh ');
  const words = ['-c', script, 'leads', 'partner', 'list'];
  const { stdout, stderr } = spawnSync('sh', words, { cwd: temporaryDirectory(), encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: `${state}\npartner list\n`, stderr: '' });
});

test('every timer starts a service', () => {
  for (const timer of timers) expect(services).toContain(timer.replace('.timer', '.service'));
});

test('systemd waits longer for the server to stop than the server needs', () => {
  const [, seconds] = /TimeoutStopSec=(\d+)s/.exec(readFileSync(join(units, 'leads.service'), 'utf8')) ?? [];
  expect(Number(seconds) * 1_000).toBeGreaterThan(shutdownTimeout + 1_000);
});

test('a backup of the unit has a name that does not exist yet, and that systemd has not changed', (context) => {
  skipWithout(context, ['sh', '-c', 'date']);
  const text = readFileSync(join(units, 'leads-backup.service'), 'utf8');
  const [, script = ''] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(text) ?? [];
  // What systemd replaces: `$$` and `%%`.
  const run = script
    .replaceAll('$$', '$')
    .replaceAll('%%', '%')
    .replace(/^exec .*store backup/, 'echo');
  const printed = execFileSync('sh', ['-c', run], { encoding: 'utf8' });
  expect(printed).toMatch(/^\/var\/backups\/leads\/leads-\d{8}T\d{6}Z\.db\n$/);
});

test('the server accepts the example of its settings', async () => {
  const settings = shipped('leads.env');
  const config = await readConfig(parseEnv(settings));
  expect(config).toMatchObject({ databaseUrl: 'sqlite:/var/lib/leads/leads.db', bootstrap: 'off' });
  // What is commented out is valid too.
  const dialler = parseEnv(
    settings.replace(/^#(?=[A-Z_]+=)/gm, '').replace('whsec_...', `whsec_${btoa('x'.repeat(24))}`),
  );
  expect((await readConfig(dialler)).dialler?.name).toBe('webhook');
});
