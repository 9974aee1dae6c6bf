/**
 * `npm run upgrade -- REVISION`: replaces servers of an older version one by one on PostgreSQL while partners send
 * leads. No acknowledged lead may be lost, and nobody may be accepted twice.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { openStore } from '../../src/store/open.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { UpgradeLoad } from './upgrade-load.ts';
import { startVersion, type VersionServer } from './version-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { leads: { type: 'string', default: '100000' } },
});
const commit = revisionOf(positionals[0]);

/** Time for which each group of servers runs under load (ms). */
const loadTime = 4_000;

const directory = mkdtempSync(join(tmpdir(), 'leads-upgrade-'));
const postgres = await startPostgres();
const servers = new Set<VersionServer>();
try {
  process.exitCode = (await upgrade(checkOut(commit))) ? 0 : 1;
} finally {
  for (const server of servers) await server.stop();
  await postgres.remove();
  rmSync(directory, { recursive: true });
}

/** Returns the commit of a revision of this clone. Ends the process with the reason if there is none. */
function revisionOf(given: string | undefined): string {
  const words = ['-C', root, 'rev-parse', '--verify', '--quiet', `${given}^{commit}`];
  const { status, stdout } = spawnSync('git', words, { encoding: 'utf8' });
  if (given !== undefined && status === 0) return stdout.trim();
  const found = given === undefined ? '' : `${JSON.stringify(given)} is no revision of this clone. `;
  process.stderr.write(
    `${found}Pass the revision of the older version: \`npm run upgrade -- REVISION\`. \`git tag\` lists the releases; \`git fetch --tags\` gets them.\n`,
  );
  process.exit(1);
}

/** Returns the directory of the program at a commit. It uses the dependencies of this version. */
function checkOut(revision: string): string {
  const old = join(directory, 'old');
  execFileSync('git', ['clone', '--quiet', '--no-checkout', root, old]);
  execFileSync('git', ['-C', old, 'checkout', '--quiet', revision]);
  symlinkSync(join(root, 'node_modules'), join(old, 'node_modules'));
  return `${old}/`;
}

async function upgrade(old: string): Promise<boolean> {
  const environment = { DATABASE_URL: postgres.url, BOOTSTRAP: 'off' };
  const command = (...words: string[]) =>
    execFileSync(process.execPath, [`${old}src/cli.ts`, ...words], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    });
  const start = async (from: string, name: string, more: Record<string, string> = {}) => {
    const begun = performance.now();
    const server = await startVersion(from, name, { ...environment, ...more });
    servers.add(server);
    print(`${name} listens after ${Math.round(performance.now() - begun)} ms`);
    return server;
  };
  const stop = async (server: VersionServer) => {
    await server.stop();
    servers.delete(server);
  };
  const first = await start(old, 'old 1', { BOOTSTRAP: 'on' });
  const second = await start(old, 'old 2');
  command('type', 'add', 'motor');
  command('partner', 'add', 'broker', '--type', 'motor');
  const key: string = JSON.parse(command('key', 'create', 'broker')).key;
  await addLeads(Number(values.leads));

  const load = new UpgradeLoad([first, second], key);
  await sleep(loadTime);
  const migrating = performance.now();
  const third = await start(root, 'new 1');
  print(`the store is migrated after at most ${Math.round(performance.now() - migrating)} ms`);
  // The older servers are not stopped at once, as in a rolling upgrade.
  await sleep(loadTime / 4);
  load.replace(first, third);
  await stop(first);
  const fourth = await start(root, 'new 2');
  load.replace(second, fourth);
  await stop(second);
  await sleep(loadTime);
  await load.stop();
  for (const line of load.report()) print(line);
  return check(load);
}

/** Adds leads of other people that are dialled, so that the migration takes longer. */
async function addLeads(count: number): Promise<void> {
  await sql(
    `INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, dialled_at)
     SELECT 'old-' || number, 1, '+4915' || number, 1, 'old-' || number, 'dialled', 1, 1, 1, 1
     FROM generate_series(1, ${count}) AS number`,
  );
}

async function sql(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

async function check(load: UpgradeLoad): Promise<boolean> {
  const [{ deadlocks = 0 } = {}] = await sql(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  print(`deadlocks that PostgreSQL resolved: ${String(deadlocks)}`);
  const store = await openStore(postgres.url);
  const leads = new Map<string, number>();
  for await (const { mobile } of store.leads({}, Number.MAX_SAFE_INTEGER)) {
    leads.set(mobile, (leads.get(mobile) ?? 0) + 1);
  }
  await store.close();
  const lost = load.accepted.filter((mobile) => !leads.has(mobile));
  const twice = [...leads].filter(([, count]) => count > 1);
  print(`acknowledged: ${load.accepted.length}, lost: ${lost.length}, accepted twice: ${twice.length}`);
  return lost.length === 0 && twice.length === 0 && load.faults.length === 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
