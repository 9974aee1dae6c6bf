/**
 * Measures a store without and with many numbers in the do-not-call list: the rate of adds, none of which is suppressed,
 * and the memory of the process. Rounds are interleaved, because a machine's speed drifts, and each ratio is taken within
 * one round. Also measures the import of a file.
 */
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { suppressionBatches } from '../src/cli/suppression-csv.ts';
import { phoneParsers } from '../src/leads/phone.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { newSubmission } from '../test/harness/submissions.ts';
import { type PreparedStore, postgresStore, sqliteStore } from './deployment.ts';
import { scatteredDigits, stride } from './phone-numbers.ts';
import { formatInteger } from './table.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '3' },
    import: { type: 'string', default: '1000000' },
    stores: { type: 'string', default: 'sqlite,postgres' },
  },
});
const size = Number(values.size);
const milliseconds = Number(values.seconds) * 1_000;

/** Number of calls in flight. */
const maxConcurrent = 200;

const columns = 'mobile, type_id, source, source_id, reason, objected_at, entered_at';

const content = JSON.stringify({
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor-trade',
});

/** A kind of store, and how it is filled with numbers of which none is added. */
const kinds: Record<string, { make(): Promise<PreparedStore>; fill(url: string): Promise<void> }> = {
  sqlite: {
    make: sqliteStore,
    fill: async (url) => {
      const database = new DatabaseSync(url.slice('sqlite:'.length));
      database.exec('PRAGMA cache_size = -1000000');
      const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size}) SELECT n FROM numbers)`;
      const mobile = `printf('+4478%08d', (n * ${stride}) % 100000000)`;
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
      const mobile = `'+4478' || lpad(((n::bigint * ${stride}) % 100000000)::text, 8, '0')`;
      await client.query(
        `INSERT INTO suppression (${columns}) SELECT ${mobile}, 0, 'import', 'list', NULL, 1, 1 FROM generate_series(1, ${size}) AS n`,
      );
      await client.query('VACUUM ANALYZE');
      await client.query('CHECKPOINT');
      await client.end();
    },
  },
};

/** People who are added lie between those in the list, so that each search reads another part of it. */
let people = 20_000_000;

/** Adds per second, and time of the processor per add (µs): it does not depend on what else the machine does. */
interface Measured {
  rate: number;
  cpu: number;
}

async function measureAdds(store: Store, partnerId: number): Promise<Measured> {
  const [start, cpuBefore] = [performance.now(), process.cpuUsage()];
  let added = 0;
  const caller = async () => {
    while (performance.now() - start < milliseconds) {
      people += 1;
      const mobile = `+4478${scatteredDigits(people)}`;
      const lead = { partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
      const { outcome } = await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
      if (outcome !== 'accepted') throw new Error(`An add was ${outcome}.`);
      added += 1;
    }
  };
  await Promise.all(Array.from({ length: maxConcurrent }, caller));
  const { user, system } = process.cpuUsage(cpuBefore);
  return { rate: (added * 1_000) / (performance.now() - start), cpu: (user + system) / added };
}

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

function describe({ rate, cpu }: Measured): string {
  return `${formatInteger(rate)} adds/s (${cpu.toFixed(1)} µs)`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

for (const name of values.stores.split(',')) {
  const kind = kinds[name];
  if (kind === undefined) throw new Error(`There is no store ${name}.`);
  const [empty, full] = [await kind.make(), await kind.make()];
  process.stderr.write(`${name}: entering ${formatInteger(size)} numbers\n`);
  await kind.fill(full.url);
  const ratios: { rate: number; cpu: number }[] = [];
  // Round 0 only lets V8 compile.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const measured = new Map<PreparedStore, Measured>();
    // Each is measured first in every other round.
    for (const each of round % 2 === 0 ? [empty, full] : [full, empty]) {
      const store = await openStore(each.url);
      measured.set(each, await measureAdds(store, each.partnerId));
      await store.close();
    }
    const [without, withList] = [measured.get(empty), measured.get(full)];
    if (round === 0 || without === undefined || withList === undefined) continue;
    ratios.push({ rate: withList.rate / without.rate, cpu: without.cpu / withList.cpu });
    process.stderr.write(
      `${name}: round ${round}: ${describe(without)} without, ${describe(withList)} with the list\n`,
    );
  }
  const megabytes = Math.round(process.memoryUsage().rss / 1_048_576);
  process.stdout.write(
    `${name}: adds with ${formatInteger(size)} numbers, relative to those without: ${median(ratios.map(({ rate }) => rate)).toFixed(3)} by time, ${median(ratios.map(({ cpu }) => cpu)).toFixed(3)} by the processor time of this process (medians of ${ratios.length}); memory ${megabytes} MB\n`,
  );
  const store = await openStore(empty.url);
  const rate = await importRate(store);
  await store.close();
  process.stdout.write(
    `${name}: imported ${formatInteger(Number(values.import))} lines at ${formatInteger(rate)} per second\n`,
  );
  await empty.remove();
  await full.remove();
}
