/** The units of `deploy/systemd/`, checked by systemd's own programs, and the settings that they read. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

/** What an operator adds to units with `systemctl edit`, according to the documentation. */
const edits = ['deployment.md', 'postgresql.md'].flatMap((page) => {
  const text = readFileSync(new URL(`../../docs/operating/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/systemctl edit ([\w-]+)[\s\S]*?( *)```\n *(\[Service\]\n[\s\S]*?)```/g)].map(
    ([, unit = '', indent = '', lines = '']) => ({ unit, lines: lines.replaceAll(`\n${indent}`, '\n') }),
  );
});

test('systemd accepts what the documentation adds to the units', (context) => {
  skipWithout(context, ['systemd-analyze', '--version']);
  expect(edits.map(({ unit }) => unit)).toEqual(['caddy', 'leads-2', 'caddy', 'leads-backup']);
  for (const { unit, lines } of edits) {
    const root = installedRoot();
    const file = join(root, 'etc/systemd/system', `${unit}.service`);
    // The second server is a copy of the first. The unit of Caddy is not part of this project.
    if (!services.includes(`${unit}.service`)) cpSync(join(units, 'leads.service'), file);
    mkdirSync(`${file}.d`);
    writeFileSync(join(`${file}.d`, 'override.conf'), lines);
    const words = ['verify', `--root=${root}`, `${unit}.service`];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
    expect({ unit, lines, status, output: `${stdout}${stderr}` }).toEqual({
      unit,
      lines,
      status: 0,
      output: '',
    });
  }
});

test('a second server has ports of its own, whatever the settings contain', () => {
  const { lines = '' } = edits.find(({ unit }) => unit === 'leads-2') ?? {};
  const [, variables = ''] = /^Environment=(.*)$/m.exec(lines) ?? [];
  const file = join(temporaryDirectory(), 'leads.env');
  writeFileSync(file, `${shipped('leads.env')}\nPORT=3000\n`);
  const script =
    'const { PORT, METRICS_PORT, TRUST_PROXY } = process.env; [PORT, METRICS_PORT, TRUST_PROXY].join()';
  const env = parseEnv(variables.replaceAll(' ', '\n'));
  const printed = execFileSync(process.execPath, [`--env-file=${file}`, '-p', script], {
    env,
    encoding: 'utf8',
  });
  expect(printed).toBe('3001,9465,loopback\n');
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

test('only its owner can read a dump of the documented command, and the documented check finds it', () => {
  const page = new URL('../../docs/operating/backup-and-restore.md', import.meta.url);
  const directory = temporaryDirectory();
  const text = readFileSync(page, 'utf8').replaceAll('/var/backups/leads', directory);
  const [, dump = ''] = /```\n(umask [\s\S]*?)```/.exec(text) ?? [];
  const [, check = ''] = /```\n(find [\s\S]*?)```/.exec(text) ?? [];
  // Stands for pg_dump, which may be missing, or older than the server.
  const stub =
    'pg_dump() { for word; do case $word in --file=*) echo dump > "$(echo "$word" | cut -d= -f2)";; esac; done; }';
  expect(spawnSync('sh', ['-c', check]).status).toBe(1);
  execFileSync('sh', ['-c', `umask 022; ${stub}\n${dump}`]);
  const [file = ''] = readdirSync(directory);
  expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
  expect(execFileSync('sh', ['-c', check], { encoding: 'utf8' })).toBe(`${join(directory, file)}\n`);
});

test('the server accepts the example of its settings', async () => {
  const settings = shipped('leads.env');
  const config = await readConfig(parseEnv(settings));
  expect(config).toMatchObject({ databaseUrl: 'sqlite:/var/lib/leads/leads.db', bootstrap: 'off' });
  // What is commented out is valid too.
  const dialler = parseEnv(
    settings.replace(/^#(?=[A-Z_]+=)/gm, '').replaceAll('whsec_...', `whsec_${btoa('x'.repeat(24))}`),
  );
  expect((await readConfig(dialler)).dialler?.name).toBe('webhook');
});
