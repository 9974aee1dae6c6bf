/**
 * Compares the server with other frameworks over HTTP. Each contender runs on one core and is loaded from another.
 * Rounds are interleaved, because a machine's speed drifts, and each ratio is taken within one round.
 *
 *   npm run bench              five rounds; writes docs/performance.json and docs/performance.svg
 *   npm run bench -- --quick   one short round, within two minutes; writes nothing
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './chart.ts';
import { type PreparedStore, sqliteStore, startServer } from './deployment.ts';
import { load, verify } from './load.ts';
import { machine, type RunningServer, start } from './processes.ts';
import { formatInteger, type Measured, measured, printTable } from './table.ts';

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
/** Seconds of load before the measurement: V8 compiles the hot functions meanwhile. */
const warmUp = values.quick ? 5 : 8;

interface Contender {
  name: string;
  /** What it does with each lead. */
  does: string;
  begin(): Promise<{ server: RunningServer; key: string; end(): Promise<void> }>;
}

/** Results of one round. */
interface Round {
  rate: number;
  p99: number;
  memory: number;
  startedIn: number;
  /** Latency at half of its own maximum rate (ms). */
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
  { name: leads, does: 'authenticates, validates, parses the number, saves, syncs', begin: beginLeads },
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
  const store: PreparedStore = await sqliteStore();
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
      // Twice as long, so that opening the connections does not dominate the result.
      round.p99AtHalf = (await load(address, { ...base, seconds: 2 * seconds, rate: rate / 2 })).p99;
    }
    if (name === leads) {
      await verify(address, 'invalid', key);
      round.invalid = (await load(address, { ...base, kind: 'invalid' })).rate;
      await verify(address, 'invalid-key');
      round.authFailures = (await load(address, { ...base, kind: 'invalid-key' })).rate;
    }
    if (server.warnings !== '') warnings.add(`${name}: ${server.warnings.trim()}`);
    return round;
  } finally {
    await end();
  }
}

const warnings = new Set<string>();
const found = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
for (let round = 1; round <= rounds; round += 1) {
  for (const contender of contenders) {
    process.stderr.write(`round ${round} of ${rounds}: ${contender.name}\n`);
    found.get(contender.name)?.push(await measureRound(contender));
  }
}

function valuesOf(name: string, what: (round: Round) => number | undefined): number[] {
  return (found.get(name) ?? []).map((round) => what(round) ?? Number.NaN);
}

/** Returns the ratio of the server to another contender, round by round. */
function ratio(
  one: (round: Round) => number | undefined,
  other: string,
  what: (round: Round) => number | undefined,
): Measured {
  const others = valuesOf(other, what);
  return measured(valuesOf(leads, one).map((value, round) => value / (others[round] ?? Number.NaN)));
}

const rate = (round: Round) => round.rate;
const rows = contenders.map(({ name, does }) => {
  const rates = measured(valuesOf(name, rate));
  return {
    name,
    does,
    rate: rates,
    p99: measured(valuesOf(name, (round) => round.p99)).median,
    memory: measured(valuesOf(name, (round) => round.memory)).median,
    startedIn: measured(valuesOf(name, (round) => round.startedIn)).median,
  };
});
const half = (round: Round) => round.p99AtHalf;
const results: { what: string; measured: Measured; target: string; isMet: boolean }[] = [
  atLeast('leads added (durable) / Hono echo', ratio(rate, hono, rate), 0.5),
  atLeast('leads added (durable) / Express without a store', ratio(rate, 'Express', rate), 1.5),
  atLeast('leads added (durable) / Fastify + SQLite', ratio(rate, 'Fastify + SQLite', rate), 3),
  atLeast(
    'invalid requests (400) / Hono echo',
    ratio((round) => round.invalid, hono, rate),
    0.5,
  ),
  atLeast(
    'invalid keys (401) / Hono echo',
    ratio((round) => round.authFailures, hono, rate),
    0.7,
  ),
  atMost('p99 at half of the maximum rate (ms)', measured(valuesOf(leads, half)), 10),
  atMost('p99 at half of the maximum rate / Hono at half of its own', ratio(half, hono, half), 3),
  atMost('start to first response (ms)', measured(valuesOf(leads, (round) => round.startedIn)), 300),
  atMost(
    'start to first response / Hono',
    ratio(
      (round) => round.startedIn,
      hono,
      (round) => round.startedIn,
    ),
    3,
  ),
  atMost('memory under full load above Hono (MB)', memoryAboveHono(), 100),
];

function atLeast(what: string, value: Measured, target: number) {
  return { what, measured: value, target: `at least ${target}`, isMet: value.median >= target };
}

function atMost(what: string, value: Measured, target: number) {
  return { what, measured: value, target: `at most ${target}`, isMet: value.median <= target };
}

function memoryAboveHono(): Measured {
  const others = valuesOf(hono, (round) => round.memory);
  return measured(
    valuesOf(leads, (round) => round.memory).map((value, round) => value - (others[round] ?? 0)),
  );
}

function short(value: number): string {
  return value >= 100 ? formatInteger(value) : value.toPrecision(3);
}

const spread = ({ min, max }: Measured) => `${short(min)} to ${short(max)}`;

process.stdout.write(`${machine()}. ${rounds} rounds of ${seconds} s, ${connections} connections.\n\n`);
printTable(
  ['contender', 'work per lead', 'leads/s', 'range', 'p99 (ms)', 'memory (MB)', 'start (ms)'],
  rows.map((row) => [
    row.name,
    row.does,
    formatInteger(row.rate.median),
    spread(row.rate),
    short(row.p99),
    formatInteger(row.memory),
    formatInteger(row.startedIn),
  ]),
);
process.stdout.write('\n');
printTable(
  ['measure', 'median', 'range', 'target', 'met'],
  results.map(({ what, measured: value, target, isMet }) => [
    what,
    short(value.median),
    spread(value),
    target,
    isMet ? 'yes' : 'no',
  ]),
);
for (const warning of warnings) process.stdout.write(`\n${warning}\n`);

if (!values.quick) {
  const on = machine();
  const settings = { rounds, seconds, connections };
  const docs = new URL('../docs/', import.meta.url);
  const json = { machine: on, settings, contenders: rows, results, warnings: [...warnings] };
  writeFileSync(new URL('performance.json', docs), `${JSON.stringify(json, undefined, 2)}\n`);
  writeFileSync(new URL('performance.svg', docs), chart('Leads per second, one server on one core', rows));
}
