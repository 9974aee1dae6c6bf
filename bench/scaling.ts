/**
 * Leads added a second over HTTP, each synced before it is answered: one server on SQLite, then one, two
 * and three on PostgreSQL. All share this machine with the database and the load, so that what a second
 * server adds shows only where cores are left.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Furnished, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';
import type { Started } from './processes.ts';
import { measured, plain, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '256' },
  },
});

interface Round {
  added: number;
  p99: number;
}

async function loadAll(servers: readonly Started[], key: string): Promise<Round> {
  const each = await Promise.all(
    servers.map(({ address }) =>
      load(address, {
        kind: 'add',
        key,
        seconds: Number(values.seconds),
        connections: Math.round(Number(values.connections) / servers.length),
      }),
    ),
  );
  return {
    added: each.reduce((sum, { rate }) => sum + rate, 0),
    p99: Math.max(...each.map(({ p99 }) => p99)),
  };
}

async function measure(make: () => Promise<Furnished>, count: number): Promise<Round> {
  const store = await make();
  const servers = await Promise.all(Array.from({ length: count }, () => startServer(store.url, 'any')));
  try {
    await loadAll(servers, store.key);
    return await loadAll(servers, store.key);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await store.remove();
  }
}

const deployments: [name: string, make: () => Promise<Furnished>, servers: number][] = [
  ['SQLite, one server', sqliteStore, 1],
  ['PostgreSQL, one server', postgresStore, 1],
  ['PostgreSQL, two servers', postgresStore, 2],
  ['PostgreSQL, three servers', postgresStore, 3],
];
const rounds = new Map(deployments.map(([name]) => [name, [] as Round[]]));
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [name, make, count] of deployments) rounds.get(name)?.push(await measure(make, count));
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n\n`);
const base = measured((rounds.get('SQLite, one server') ?? []).map(({ added }) => added)).median;
printTable(
  ['deployment', 'leads added/s', 'spread', 'to SQLite', 'p99 under full load'],
  deployments.map(([name]) => {
    const each = rounds.get(name) ?? [];
    const added = measured(each.map((round) => round.added));
    const p99 = measured(each.map((round) => round.p99));
    return [
      name,
      plain(added.median),
      `${plain(added.least)} to ${plain(added.most)}`,
      (added.median / base).toFixed(2),
      `${plain(p99.median)} ms`,
    ];
  }),
);
