/**
 * What one server takes over HTTP, beside what people would use instead. Each contender is started in turn, alone on
 * a core, and loaded from another; the rounds are interleaved, since a machine is not equally fast at all times, and
 * the ratios are of one round each.
 *
 *   npm run bench              five rounds; writes docs/performance.json and docs/performance.svg
 *   npm run bench -- --quick   one short round, within two minutes; writes nothing
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './chart.ts';
import { type Furnished, sqliteStore, startServer } from './deployment.ts';
import { load, verify } from './load.ts';
import { machine, type Started, start } from './processes.ts';
import { type Measured, measured, plain, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string', default: '256' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 4 : 8));
const connections = Number(values.connections);
/** The compilers of V8 need a while, on one core all the more. */
const warmUp = values.quick ? 5 : 8;

interface Contender {
  name: string;
  /** What it does with a lead. */
  does: string;
  begin(): Promise<{ server: Started; key: string; end(): Promise<void> }>;
}

/** What one round found of a contender. */
interface Round {
  rate: number;
  p99: number;
  memory: number;
  startedIn: number;
  /** At half of its own rate. */
  p99AtHalf?: number;
  invalid?: number;
  authFailures?: number;
}

const hono = 'Hono';
const leads = 'Leads API';

const contenders: Contender[] = [
  framework('node:http', 'echoes JSON', 'node-http', false),
  framework(hono, 'echoes JSON', 'hono', false),
  framework('Fastify', 'validates', 'fastify', false),
  framework('Express', 'validates (express-openapi-validator)', 'express', false),
  framework('Fastify + SQLite', 'validates, saves, syncs', 'fastify', true),
  framework('Express + SQLite', 'validates, saves, syncs', 'express', true),
  { name: leads, does: 'checks the key, validates, reads the number, saves, syncs', begin: beginLeads },
];

function framework(name: string, does: string, program: string, isStored: boolean): Contender {
  const begin = async () => {
    const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
    const store = isStored ? { STORE: join(directory, 'leads.db') } : {};
    const server = await start(`bench/contenders/${program}.ts`, store);
    const end = async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    };
    return { server, key: 'none', end };
  };
  return { name, does, begin };
}

async function beginLeads() {
  const store: Furnished = await sqliteStore();
  const server = await startServer(store.url);
  const end = async () => {
    await server.stop();
    await store.remove();
  };
  return { server, key: store.key, end };
}

async function measureRound({ name, begin }: Contender): Promise<Round> {
  const { server, key, end } = await begin();
  try {
    const { address } = server;
    const base = { kind: 'add', key, seconds, connections } as const;
    await load(address, { ...base, seconds: warmUp });
    const { rate, p99 } = await load(address, base);
    const round: Round = { rate, p99, memory: server.memory(), startedIn: server.startedIn };
    if (name === hono || name === leads) {
      // Twice as long, so that it tells of the whole and not of the moment in which all connections are made.
      round.p99AtHalf = (await load(address, { ...base, seconds: 2 * seconds, rate: rate / 2 })).p99;
    }
    if (name === leads) {
      await verify(address, 'invalid', key);
      round.invalid = (await load(address, { ...base, kind: 'invalid' })).rate;
      await verify(address, 'wrong-key');
      round.authFailures = (await load(address, { ...base, kind: 'wrong-key' })).rate;
    }
    if (server.complaints !== '') complaints.add(`${name}: ${server.complaints.trim()}`);
    return round;
  } finally {
    await end();
  }
}

const complaints = new Set<string>();
const found = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
for (let round = 1; round <= rounds; round += 1) {
  for (const contender of contenders) {
    process.stderr.write(`round ${round} of ${rounds}: ${contender.name}\n`);
    found.get(contender.name)?.push(await measureRound(contender));
  }
}

function of(name: string, what: (round: Round) => number | undefined): number[] {
  return (found.get(name) ?? []).map((round) => what(round) ?? Number.NaN);
}

/** What `leads` has for each that another has, in the same round. */
function ratio(
  one: (round: Round) => number | undefined,
  other: string,
  what: (round: Round) => number | undefined,
): Measured {
  const others = of(other, what);
  return measured(of(leads, one).map((value, round) => value / (others[round] ?? Number.NaN)));
}

const rate = (round: Round) => round.rate;
const rows = contenders.map(({ name, does }) => {
  const rates = measured(of(name, rate));
  return {
    name,
    does,
    rate: rates,
    p99: measured(of(name, (round) => round.p99)).median,
    memory: measured(of(name, (round) => round.memory)).median,
    startedIn: measured(of(name, (round) => round.startedIn)).median,
  };
});
const half = (round: Round) => round.p99AtHalf;
const results: { what: string; measured: Measured; reach: string; isReached: boolean }[] = [
  atLeast('durable adds to Hono’s echo', ratio(rate, hono, rate), 0.5),
  atLeast('durable adds to Express, which stores nothing', ratio(rate, 'Express', rate), 1.5),
  atLeast('durable adds to Fastify + SQLite', ratio(rate, 'Fastify + SQLite', rate), 3),
  atLeast(
    'requests refused with 400 to Hono’s echo',
    ratio((round) => round.invalid, hono, rate),
    0.5,
  ),
  atLeast(
    'wrong keys refused with 401 to Hono’s echo',
    ratio((round) => round.authFailures, hono, rate),
    0.7,
  ),
  atMost('p99 at half of the peak, ms', measured(of(leads, half)), 10),
  atMost('the same to Hono’s at half of its own peak', ratio(half, hono, half), 3),
  atMost('from the start to the first answer, ms', measured(of(leads, (round) => round.startedIn)), 300),
  atMost(
    'the same to Hono’s',
    ratio(
      (round) => round.startedIn,
      hono,
      (round) => round.startedIn,
    ),
    3,
  ),
  atMost('memory under full load above Hono’s, MB', memoryAbove(), 100),
];

function atLeast(what: string, value: Measured, reach: number) {
  return { what, measured: value, reach: `at least ${reach}`, isReached: value.median >= reach };
}

function atMost(what: string, value: Measured, reach: number) {
  return { what, measured: value, reach: `at most ${reach}`, isReached: value.median <= reach };
}

function memoryAbove(): Measured {
  const others = of(hono, (round) => round.memory);
  return measured(of(leads, (round) => round.memory).map((value, round) => value - (others[round] ?? 0)));
}

function short(value: number): string {
  return value >= 100 ? plain(value) : value.toPrecision(3);
}

const spread = ({ least, most }: Measured) => `${short(least)} to ${short(most)}`;

process.stdout.write(`${machine()}. ${rounds} rounds of ${seconds} s, ${connections} connections.\n\n`);
printTable(
  ['contender', 'what it does with a lead', 'a second', 'spread', 'p99 then, ms', 'memory, MB', 'start, ms'],
  rows.map((row) => [
    row.name,
    row.does,
    plain(row.rate.median),
    spread(row.rate),
    short(row.p99),
    plain(row.memory),
    plain(row.startedIn),
  ]),
);
process.stdout.write('\n');
printTable(
  ['what', 'measured', 'spread', 'wanted', 'reached'],
  results.map(({ what, measured: value, reach, isReached }) => [
    what,
    short(value.median),
    spread(value),
    reach,
    isReached ? 'yes' : 'no',
  ]),
);
for (const complaint of complaints) process.stdout.write(`\n${complaint}\n`);

if (!values.quick) {
  const on = machine();
  const settings = { rounds, seconds, connections };
  const docs = new URL('../docs/', import.meta.url);
  const json = { machine: on, settings, contenders: rows, results, complaints: [...complaints] };
  writeFileSync(new URL('performance.json', docs), `${JSON.stringify(json, undefined, 2)}\n`);
  writeFileSync(
    new URL('performance.svg', docs),
    chart('Leads taken a second, by one server on one core', rows),
  );
}
