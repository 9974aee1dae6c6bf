/** `deploy/compose.yaml` as text: it needs images that only a registry has. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/app/config.ts';
import { shutdownTimeout } from '../../src/app/shutdown.ts';
import { openStore } from '../../src/store/open.ts';
import { shipped } from '../harness/front.ts';
import { asAdministrator } from '../harness/postgres.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { skipWithout } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

interface Service {
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  ports?: string[];
  restart?: string;
  stop_grace_period?: string;
  profiles?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  secrets?: string[];
  networks: string[] | Record<string, { ipv4_address: string }>;
}

// The cast: the part of the Compose specification that the tests read.
const compose = parse(shipped('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
};
const { services } = compose;
const servers = Object.entries(services).filter(([name]) => name.startsWith('server-'));

test('every container has a read-only root and only the capabilities that it needs', () => {
  for (const [name, service] of Object.entries(services)) {
    const { read_only: isReadOnly, cap_drop: dropped, security_opt: options } = service;
    expect({ name, isReadOnly, dropped, options }).toEqual({
      name,
      isReadOnly: true,
      dropped: ['ALL'],
      options: ['no-new-privileges:true'],
    });
  }
});

test('only the proxy is reachable from outside, and the servers trust its address alone', async () => {
  const published = Object.keys(services).filter((name) => services[name]?.ports !== undefined);
  expect(published).toEqual(['caddy']);
  expect(servers).toHaveLength(2);
  for (const [, { environment = {} }] of servers) {
    const { trustedProxies } = await readConfig(environment);
    expect(services['caddy']?.networks).toEqual({ edge: { ipv4_address: trustedProxies[0] } });
    expect(trustedProxies).toHaveLength(1);
  }
  expect(services['caddy']?.environment?.['LEADS_SERVERS']).toBe(
    servers.map(([name]) => `${name}:3000`).join(' '),
  );
});

test('no command or environment contains a password', () => {
  for (const { environment = {} } of Object.values(services)) {
    for (const [name, value] of Object.entries(environment)) {
      if (/PASS|SECRET/.test(name)) expect(value).toMatch(/^\/run\/secrets\//);
      expect(value).not.toMatch(/:\/\/[^/]*:[^/]*@/);
    }
  }
});

test('services restart, and have the time that they need to stop', () => {
  for (const [name, service] of Object.entries(services)) {
    if (service.profiles !== undefined) continue;
    expect({ name, restart: service.restart }).toEqual({ name, restart: 'unless-stopped' });
  }
  for (const [, { stop_grace_period: seconds = '' }] of servers) {
    expect(Number(seconds.replace('s', '')) * 1_000).toBeGreaterThan(shutdownTimeout + 1_000);
  }
});

test('every file and secret that a service uses exists', () => {
  const directory = new URL('../../deploy/', import.meta.url);
  for (const { volumes = [], secrets = [] } of Object.values(services)) {
    for (const file of volumes.filter((each) => each.startsWith('./'))) {
      const [source = ''] = file.split(':');
      // The operator creates these directories.
      if (!['./backup', './erasures'].includes(source))
        expect(existsSync(fileURLToPath(new URL(source, directory)))).toBe(true);
    }
    for (const secret of secrets) expect(compose.secrets[secret]?.file).toBe(`secrets/${secret}`);
  }
});

test('the first start of PostgreSQL creates the role with its password, or nothing if there is none', async (context) => {
  skipWithout(context, ['psql', '--version']);
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const file = join(temporaryDirectory(), 'password');
  const input = shipped('postgres.sql').replaceAll('/run/secrets/leads-password', file);
  const create = () => spawnSync('psql', ['--no-psqlrc', postgres.url], { input, encoding: 'utf8' });
  const roles = () => asAdministrator(postgres.url, `SELECT FROM pg_roles WHERE rolname = 'leads'`);
  for (const content of [undefined, '']) {
    if (content !== undefined) writeFileSync(file, content);
    const { status, stderr } = create();
    expect(status).not.toBe(0);
    expect(stderr).toContain(`The file ${file} is missing or empty, so nothing was created.`);
    expect(await roles()).toEqual([]);
  }
  writeFileSync(file, "it's secret");
  expect(create()).toMatchObject({ status: 0, stderr: '' });
  const url = new URL('/leads', postgres.url);
  url.username = 'leads';
  url.password = "it's secret";
  await (await openStore(url.href)).close();
  await asAdministrator(postgres.url, "CREATE ROLE other LOGIN PASSWORD 'other'");
  url.username = 'other';
  url.password = 'other';
  await expect(openStore(url.href)).rejects.toThrow('Grant CONNECT on the database');
}, 60_000);
