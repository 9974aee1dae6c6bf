/**
 * Measures leads added over HTTP: one server on SQLite, then one, two and three on PostgreSQL. All share this machine
 * with the database and the load, so a second server helps only while cores are free. The same servers are therefore
 * also measured with a quarter of a core each, like small containers.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type PreparedStore, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';
import type { Placement, RunningServer } from './processes.ts';
import { quotaOf } from './quota.ts';
import { formatInteger, measured, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '256' },
  },
});

/** Seconds of load before the measurement, for a server with a whole core: V8 compiles the hot functions meanwhile. */
const warmUp = 10;

interface Round {
  added: number;
  p99: number;
}

async function loadAll(servers: readonly RunningServer[], key: string, seconds: number): Promise<Round> {
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
  const places = Array.from({ length: count }, (_, index): Placement => quotas[index] ?? 'any');
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
  make(): Promise<PreparedStore>;
  count: number;
  /** Share of a core of each server; undefined: no limit. */
  share?: number;
}

/** Share of a core of each small server. Two of them leave more than one of two cores to PostgreSQL and the load. */
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

/** Returns whether this machine can limit processor time. */
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

function printComparison(title: string, [base, ...others]: readonly Deployment[]): void {
  if (base === undefined) return;
  const first = rounds.get(base.name) ?? [];
  printTable(
    [title, 'leads added/s', 'range', `ratio to ${base.name}`, 'p99 under full load'],
    [base, ...others].map(({ name }) => {
      const each = rounds.get(name) ?? [];
      const added = measured(each.map((round) => round.added));
      const ratio = measured(each.map((round, index) => round.added / (first[index]?.added ?? Number.NaN)));
      const p99 = measured(each.map((round) => round.p99));
      const spread = `${formatInteger(added.min)} to ${formatInteger(added.max)}`;
      return [
        name,
        formatInteger(added.median),
        spread,
        ratio.median.toFixed(2),
        `${formatInteger(p99.median)} ms`,
      ];
    }),
  );
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n\n`);
printComparison('deployment', whole);
if (rounds.has('one server')) {
  process.stdout.write(`\nPostgreSQL, with ${share * 100} % of a core for each server:\n\n`);
  printComparison('deployment', small);
}
