/**
 * Compares adding many leads with one request with adding each alone, and with Hono, which returns the JSON of one
 * request each. The servers take turns on one core, each with its own store.
 *
 *   npm run bench:bulk -- [--rows 500] [--turns 10] [--seconds 2] [--stores sqlite,postgres]
 */
import { parseArgs } from 'node:util';
import { type PreparedStore, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { type LoadOptions, load } from './load.ts';
import { cores, machine, type RunningServer, start } from './processes.ts';
import { formatInteger, measured, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '500' },
    turns: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
    stores: { type: 'string', default: 'sqlite,postgres' },
  },
});
const rows = Number(values.rows);

/** Seconds of load before the measurement: V8 compiles the hot functions meanwhile. */
const warmUp = 4;

/** A server, how it is loaded, and its turns so far. */
interface Contestant {
  name: string;
  server: RunningServer;
  options: Pick<LoadOptions, 'kind' | 'key' | 'connections' | 'rows'>;
  /** Leads, or echoed requests, per second. */
  rates: number[];
  /** Number of them in all turns. */
  count: number;
  /** Processor time of the server in all turns (µs): on a busy machine, more exact than the rate. */
  processorTime: number;
  /** Maximum resident memory after a turn (MB). */
  memory: number;
}

async function takeTurn(contestant: Contestant, seconds: number, isMeasured: boolean): Promise<void> {
  const { server, options } = contestant;
  const before = server.processorTime();
  const { requests, rate } = await load(server.address, { ...options, seconds });
  const leads = requests * (options.rows ?? 1);
  contestant.memory = Math.max(contestant.memory, server.memory());
  if (!isMeasured) return;
  contestant.rates.push(rate * (options.rows ?? 1));
  contestant.count += leads;
  contestant.processorTime += server.processorTime() - before;
}

/** Returns the processor time of each lead, or echoed request (µs). */
function processorTimeOf({ processorTime, count }: Contestant): number {
  return processorTime / count;
}

/** Returns the median of the ratios of neighbouring turns. */
function ratioOf(one: readonly number[], other: readonly number[]): string {
  return measured(one.map((value, index) => value / (other[index] ?? Number.NaN))).median.toFixed(2);
}

async function compare(kind: string, [single, bulk]: readonly [PreparedStore, PreparedStore]): Promise<void> {
  const newContestant = (
    name: string,
    server: RunningServer,
    options: Contestant['options'],
  ): Contestant => ({
    name,
    server,
    options,
    rates: [],
    count: 0,
    processorTime: 0,
    memory: 0,
  });
  const [hono, alone, together] = [
    newContestant('Hono, one request each', await start('bench/contenders/hono.ts', {}, cores.server), {
      kind: 'add',
      connections: 256,
    }),
    newContestant(`${kind}: one request each`, await startServer(single.url), {
      kind: 'add',
      key: single.key,
      connections: 256,
    }),
    newContestant(`${kind}: ${rows} rows a request`, await startServer(bulk.url), {
      kind: 'add-many',
      key: bulk.key,
      connections: 16,
      rows,
    }),
  ];
  const all = [hono, alone, together];
  try {
    for (const each of all) await takeTurn(each, warmUp, false);
    for (let turn = 0; turn < Number(values.turns); turn += 1) {
      for (const each of turn % 2 ? all.toReversed() : all)
        await takeTurn(each, Number(values.seconds), true);
    }
    printTable(
      ['server', 'per second', 'µs of processor time', 'rows a request / this', 'memory (MB)'],
      all.map((each) => [
        each.name,
        formatInteger(measured(each.rates).median),
        processorTimeOf(each).toFixed(1),
        `${ratioOf(together.rates, each.rates)} (by processor time ${(processorTimeOf(each) / processorTimeOf(together)).toFixed(2)})`,
        formatInteger(each.memory),
      ]),
    );
  } finally {
    for (const { server } of all) await server.stop();
  }
}

const kinds: Record<string, () => Promise<PreparedStore>> = { sqlite: sqliteStore, postgres: postgresStore };

process.stdout.write(`${machine()}. ${values.turns} turns of ${values.seconds} s.\n\n`);
for (const name of values.stores.split(',')) {
  const make = kinds[name];
  if (make === undefined) throw new Error(`There is no store ${name}.`);
  const stores = [await make(), await make()] as const;
  await compare(name, stores);
  for (const { remove } of stores) await remove();
}
