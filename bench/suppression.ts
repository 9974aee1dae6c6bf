/**
 * Compares adding leads without and with many numbers in the do-not-call list: two servers on one core take turns, and
 * no lead is suppressed. Also measures the import of a file.
 *
 *   npm run bench:suppression -- [--size 10000000] [--turns 20] [--seconds 2] [--stores sqlite,postgres]
 */
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { suppressionBatches } from '../src/cli/suppression-csv.ts';
import { phoneParsers } from '../src/leads/phone.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { type PreparedStore, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { scatteredDigits, stride } from './phone-numbers.ts';
import { machine } from './processes.ts';
import { formatInteger, measured, printTable } from './table.ts';
import { type Contestant, describeTurns, type Turn, takeTurns } from './turns.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '10000000' },
    turns: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '2' },
    import: { type: 'string', default: '1000000' },
    stores: { type: 'string', default: 'sqlite,postgres' },
  },
});
const size = Number(values.size);

/** Numbers in the list are those of people from this one on, whom `load` does not reach. */
const firstListed = 80_000_000;

const columns = 'mobile, type_id, source, source_id, reason, objected_at, entered_at';

/** A kind of store, and how it is filled with numbers of which none is added. */
const kinds: Record<string, { make(): Promise<PreparedStore>; fill(url: string): Promise<void> }> = {
  sqlite: {
    make: sqliteStore,
    fill: async (url) => {
      const database = new DatabaseSync(url.slice('sqlite:'.length));
      database.exec('PRAGMA cache_size = -1000000');
      const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size}) SELECT n FROM numbers)`;
      const mobile = `printf('+4478%08d', ((n + ${firstListed}) * ${stride}) % 100000000)`;
      database.exec(
        `INSERT INTO suppression (${columns}) SELECT ${mobile} AS mobile, 0, 'import', 'list', NULL, 1, 1 FROM ${numbers} ORDER BY mobile`,
      );
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      database.close();
    },
  },
  postgres: {
    make: postgresStore,
    fill: async (url) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const mobile = `'+4478' || lpad((((n::bigint + ${firstListed}) * ${stride}) % 100000000)::text, 8, '0')`;
      await client.query(
        `INSERT INTO suppression (${columns}) SELECT ${mobile}, 0, 'import', 'list', NULL, 1, 1 FROM generate_series(1, ${size}) AS n`,
      );
      await client.query('VACUUM ANALYZE');
      await client.query('CHECKPOINT');
      await client.end();
    },
  },
};

/** Imports a file. Returns the number of lines per second. */
async function importRate(store: Store): Promise<number> {
  const lines = Number(values.import);
  function* file() {
    yield 'mobile\n';
    for (let n = 1; n <= lines; n += 1) yield `+4477${scatteredDigits(n)}\n`;
  }
  const start = performance.now();
  const source = { list: 'file', reason: undefined, types: new Set<string>(), now: Date.now() };
  const stream = Readable.from(file());
  const { parse } = phoneParsers('GB');
  for await (const { entries } of suppressionBatches({ ...source, stream, parsePhone: parse })) {
    await store.addSuppressions(entries);
  }
  return (lines * 1_000) / (performance.now() - start);
}

/** Compares two stores, of which the second has the list. */
async function compare(name: string, stores: readonly PreparedStore[]): Promise<void> {
  const contestants: Contestant[] = [];
  try {
    for (const { url, key } of stores) contestants.push({ server: await startServer(url), key, turns: [] });
    await takeTurns(contestants, Number(values.turns), Number(values.seconds));
    const [without, withList] = contestants;
    if (without === undefined || withList === undefined) return;
    const row = (what: string, measure: (turn: Turn) => number) => {
      const [before, after] = [without.turns.map(measure), withList.turns.map(measure)];
      const { median, min, max } = measured(
        after.map((value, index) => value / (before[index] ?? Number.NaN)),
      );
      const medians = [before, after].map((all) => formatInteger(measured(all).median));
      return [`${name}: ${what}`, ...medians, median.toFixed(3), `${min.toFixed(3)} to ${max.toFixed(3)}`];
    };
    const memory = contestants.map(({ server }) => server.memory());
    printTable(
      ['measure', 'without', `${formatInteger(size)} numbers`, 'ratio', 'range'],
      [
        row('leads added per second', ({ adds }) => adds),
        row('processor time of the server per lead (µs)', ({ processorTime }) => processorTime),
        [`${name}: memory of the server (MB)`, ...memory.map(formatInteger), '', ''],
      ],
    );
  } finally {
    for (const { server } of contestants) await server.stop();
  }
}

process.stdout.write(`${machine()}. ${describeTurns(1, Number(values.turns), Number(values.seconds))}\n\n`);
for (const name of values.stores.split(',')) {
  const kind = kinds[name];
  if (kind === undefined) throw new Error(`There is no store ${name}.`);
  const [empty, full] = [await kind.make(), await kind.make()];
  try {
    process.stderr.write(`${name}: entering ${formatInteger(size)} numbers\n`);
    await kind.fill(full.url);
    await compare(name, [empty, full]);
    const store = await openStore(empty.url);
    const rate = await importRate(store);
    await store.close();
    process.stdout.write(
      `\n${name}: imported ${formatInteger(Number(values.import))} lines at ${formatInteger(rate)} per second\n\n`,
    );
  } finally {
    await empty.remove();
    await full.remove();
  }
}
