/**
 * Leads added a second over HTTP, each synced before it is answered: one server on SQLite, then one, two
 * and three on PostgreSQL. All share this machine with the database and the load, so that what a second
 * server adds shows only where cores are left. So there are also servers that get a part of a core only, as a small
 * container does: what a second one adds where the database has room.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Furnished, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';
import type { QueuePosition, Started } from './processes.ts';
import { quotaOf } from './quota.ts';
import { measured, plain, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '256' },
  },
});

/** Seconds in which the compilers of V8 come to an end, where a server has a core. */
const warmUp = 10;

interface Round {
  added: number;
  p99: number;
}

async function loadAll(servers: readonly Started[], key: string, seconds: number): Promise<Round> {
  const each = await Promise.all(
    servers.map(({ address }) =>
      load(address, {
        kind: 'add',
        key,
        seconds,
        connections: Math.round(Number(values.connections) / servers.length),
      }),
    ),
  );
  return {
    added: each.reduce((sum, { rate }) => sum + rate, 0),
    p99: Math.max(...each.map(({ p99 }) => p99)),
  };
}

async function measure({ make, count, share }: Deployment): Promise<Round> {
  const store = await make();
  const quotas = Array.from({ length: share === undefined ? 0 : count }, () => quotaOf(share ?? 1));
  const places = Array.from({ length: count }, (_, index): QueuePosition => quotas[index] ?? 'any');
  const servers = await Promise.all(places.map((place) => startServer(store.url, place)));
  try {
    await loadAll(servers, store.key, warmUp / (share ?? 1));
    return await loadAll(servers, store.key, Number(values.seconds));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    for (const quota of quotas) quota?.remove();
    await store.remove();
  }
}

interface Deployment {
  name: string;
  make(): Promise<Furnished>;
  count: number;
  /** Of a core, for each server; undefined for as much as there is. */
  share?: number;
}

/** So little that PostgreSQL and the load have more than a core left beside two servers, on two cores. */
const share = 0.25;

const whole: Deployment[] = [
  { name: 'SQLite, one server', make: sqliteStore, count: 1 },
  { name: 'PostgreSQL, one server', make: postgresStore, count: 1 },
  { name: 'PostgreSQL, two servers', make: postgresStore, count: 2 },
  { name: 'PostgreSQL, three servers', make: postgresStore, count: 3 },
];
const small: Deployment[] = [
  { name: 'one server', make: postgresStore, count: 1, share },
  { name: 'two servers', make: postgresStore, count: 2, share },
];

/** Whether this machine can give a process a part of a core. */
function canShare(): boolean {
  const attempted = quotaOf(share);
  attempted?.remove();
  return attempted !== undefined;
}

const deployments = [...whole, ...(canShare() ? small : [])];
const rounds = new Map(deployments.map(({ name }) => [name, [] as Round[]]));
for (let round = 1; round <= Number(values.rounds); round += 1) {
  for (const deployment of deployments) {
    process.stderr.write(`round ${round} of ${values.rounds}: ${deployment.name}\n`);
    rounds.get(deployment.name)?.push(await measure(deployment));
  }
}

function printBeside(title: string, [base, ...others]: readonly Deployment[]): void {
  if (base === undefined) return;
  const first = rounds.get(base.name) ?? [];
  printTable(
    [title, 'leads added/s', 'spread', `to ${base.name}`, 'p99 under full load'],
    [base, ...others].map(({ name }) => {
      const each = rounds.get(name) ?? [];
      const added = measured(each.map((round) => round.added));
      const ratio = measured(each.map((round, index) => round.added / (first[index]?.added ?? Number.NaN)));
      const p99 = measured(each.map((round) => round.p99));
      const spread = `${plain(added.least)} to ${plain(added.most)}`;
      return [name, plain(added.median), spread, ratio.median.toFixed(2), `${plain(p99.median)} ms`];
    }),
  );
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n\n`);
printBeside('deployment', whole);
if (rounds.has('one server')) {
  process.stdout.write(`\nPostgreSQL, and ${share * 100} % of a core for each server:\n\n`);
  printBeside('deployment', small);
}
