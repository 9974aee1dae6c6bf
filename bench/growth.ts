/**
 * Measures a store with few leads and with many: adding, cancelling, looking up, and claiming and recording due leads;
 * also over HTTP. The existing leads are inserted with SQL. Rounds are interleaved, because a machine's speed drifts,
 * and each ratio is taken within one round.
 */
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { newCancellation, newSubmission } from '../test/harness/submissions.ts';
import { type PreparedStore, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';
import { scatteredDigits, stride } from './phone-numbers.ts';
import { formatInteger, measured, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    stores: { type: 'string', default: 'sqlite,postgres' },
  },
});
const sizes = values.sizes.split(',').map(Number);
const milliseconds = Number(values.seconds) * 1_000;

/** Number of calls in flight. */
const maxConcurrent = 200;
/** Number of due leads, for the claims. */
const due = 40_000;

const content = JSON.stringify({
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor-trade',
  data: '{"vehicle_make":"Ford"}',
});

/** Returns SQL that inserts leads, half of them dialled, with their submissions. */
function fill(numbers: string, mobile: string): string[] {
  return [
    `INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
     SELECT 's' || n, 1, n, 'motor-trade', ${mobile}, 0, '${content}', 'accepted', 'l' || n FROM ${numbers}`,
    `INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
     SELECT 'l' || n, 1, ${mobile}, 1, 's' || n,
       CASE n % 2 WHEN 0 THEN 'scheduled' ELSE 'dialled' END, n, 9000000000000, 9000000000000 + n
     FROM ${numbers}`,
  ];
}

const makeDue = `UPDATE lead SET state = 'scheduled', claim = NULL, due_at = 1000, next_attempt_at = 1000
  WHERE id IN (SELECT id FROM lead WHERE id >= 'l' ORDER BY id LIMIT ${due})`;

/** Inserts leads. Returns the size of the store (bytes). */
async function prepareSqlite(url: string, size: number): Promise<number> {
  const file = url.slice('sqlite:'.length);
  const database = new DatabaseSync(file);
  // With the default cache of 2 MB, inserting ten million unordered numbers would take an hour.
  database.exec('PRAGMA cache_size = -4000000');
  const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size}) SELECT n FROM numbers)`;
  const mobile = `printf('+4479%08d', (n * ${stride}) % 100000000)`;
  // Submissions have a foreign key to leads, so leads are inserted first.
  for (const sql of fill(numbers, mobile).toReversed()) database.exec(sql);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  return statSync(file).size;
}

/** Inserts leads. Returns the size of the store (bytes). */
async function preparePostgres(url: string, size: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const mobile = `'+4479' || lpad(((n::bigint * ${stride}) % 100000000)::text, 8, '0')`;
  for (const sql of fill(`generate_series(1, ${size}) AS n`, mobile)) await client.query(sql);
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  const { rows } = await client.query('SELECT pg_database_size(current_database()) AS bytes');
  await client.end();
  return Number(rows[0].bytes);
}

async function makeDueInSqlite(url: string): Promise<void> {
  const database = new DatabaseSync(url.slice('sqlite:'.length));
  database.exec(makeDue);
  database.close();
}

async function makeDueInPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(makeDue);
  await client.end();
}

/** Repeats a call with a number in flight until the time is over or one returns 0. Returns the results per second. */
async function rate(call: () => Promise<number>, width = maxConcurrent): Promise<number> {
  const start = performance.now();
  let ended = 0;
  const caller = async () => {
    while (performance.now() - start < milliseconds) {
      const count = await call();
      if (count === 0) return;
      ended += count;
    }
  };
  await Promise.all(Array.from({ length: width }, caller));
  return (ended * 1_000) / (performance.now() - start);
}

/** Measures one server over HTTP. The first load only lets V8 compile. */
async function measureOverHttp({ url, key }: PreparedStore, stored: number): Promise<Record<string, number>> {
  const server = await startServer(url);
  const wanted = { key, connections: maxConcurrent, seconds: 2 * Number(values.seconds), stored };
  const ask = async (kind: 'status' | 'add') => (await load(server.address, { ...wanted, kind })).rate;
  try {
    await ask('status');
    const statuses = await ask('status');
    await ask('add');
    return { 'adds over HTTP': await ask('add'), 'statuses over HTTP': statuses };
  } finally {
    await server.stop();
  }
}

let people = 0;

async function measure(store: Store, partnerId: number, stored: number): Promise<Record<string, number>> {
  const added: string[] = [];
  const add = async () => {
    people += 1;
    const mobile = `+4478${scatteredDigits(people)}`;
    added.push(mobile);
    const lead = { partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
    await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
    return 1;
  };
  const status = async () => {
    const n = 1 + Math.floor(Math.random() * stored);
    const mobile = `+4479${scatteredDigits(n)}`;
    await store.leadStatus({ partnerId, type: 'motor-trade', mobile });
    return 1;
  };
  const cancel = async () => {
    const mobile = added.pop();
    if (mobile === undefined) return 0;
    const person = { partnerId, type: 'motor-trade', mobile };
    await store.cancel(newCancellation({ ...person, receivedAt: Date.now(), content }));
    return 1;
  };
  let claims = 0;
  const deliver = async () => {
    claims += 1;
    const claim = `claim-${claims}`;
    const leads = await store.claimDue({ claim, limit: 20, lease: 60_000 });
    const now = Date.now();
    const ended = { startedAt: now, endedAt: now, outcome: 'delivered', response: 'HTTP 204' } as const;
    await Promise.all(leads.map(({ id }) => store.recordAttempt(claim, { leadId: id, ...ended }, undefined)));
    return leads.length;
  };
  await rate(add);
  return {
    adds: await rate(add),
    cancels: await rate(cancel),
    statuses: await rate(status),
    deliveries: await rate(deliver, 1),
  };
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n`);
/** Creates and fills a kind of store. */
interface Kind {
  make(): Promise<PreparedStore>;
  /** Inserts leads. Returns the size of the store (bytes). */
  prepare(url: string, size: number): Promise<number>;
  makeDue(url: string): Promise<void>;
}

const kinds: Record<string, Kind> = {
  sqlite: { make: sqliteStore, prepare: prepareSqlite, makeDue: makeDueInSqlite },
  postgres: { make: postgresStore, prepare: preparePostgres, makeDue: makeDueInPostgres },
};

/** A store of one size, and its measurements. */
interface MeasuredStore {
  size: number;
  prepared: PreparedStore;
  bytes: number;
  rates: Record<string, number>[];
}

async function measureGrowth(kind: Kind): Promise<MeasuredStore[]> {
  const stores: MeasuredStore[] = [];
  for (const size of sizes) {
    process.stderr.write(`inserting ${formatInteger(size)} leads\n`);
    const prepared = await kind.make();
    stores.push({ size, prepared, bytes: (await kind.prepare(prepared.url, size)) / size, rates: [] });
  }
  // Round 0 only lets V8 compile.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const each of stores) {
      process.stderr.write(`round ${round} of ${values.rounds}: ${formatInteger(each.size)} leads\n`);
      await kind.makeDue(each.prepared.url);
      const store = await openStore(each.prepared.url);
      const rates = await measure(store, each.prepared.partnerId, each.size);
      await store.close();
      if (round === 0) continue;
      each.rates.push({ ...rates, ...(await measureOverHttp(each.prepared, each.size)) });
    }
    await recreateSmallest(stores, kind);
  }
  for (const { prepared } of stores) await prepared.remove();
  return stores;
}

/** Recreates the smallest store, because each round adds ten times as many leads as it has. */
async function recreateSmallest([first]: readonly MeasuredStore[], kind: Kind): Promise<void> {
  if (first === undefined) return;
  await first.prepared.remove();
  first.prepared = await kind.make();
  await kind.prepare(first.prepared.url, first.size);
}

function row({ size, bytes, rates }: MeasuredStore, first: MeasuredStore): string[] {
  const operations = Object.keys(rates[0] ?? {});
  return [
    formatInteger(size),
    ...operations.map((what) => {
      const rate = measured(rates.map((each) => each[what] ?? Number.NaN));
      const ratio = measured(
        rates.map((each, round) => (each[what] ?? 0) / (first.rates[round]?.[what] ?? 0)),
      );
      return `${formatInteger(rate.median)} (${ratio.median.toFixed(2)})`;
    }),
    formatInteger(bytes),
  ];
}

for (const name of values.stores.split(',')) {
  const kind = kinds[name];
  if (kind === undefined) throw new Error(`Store "${name}" does not exist. Use sqlite or postgres.`);
  const stores = await measureGrowth(kind);
  const [first] = stores;
  if (first === undefined) throw new Error('--sizes is empty. Give sizes such as 10000,1000000.');
  process.stdout.write(`\n${name}, calls per second:\n\n`);
  printTable(
    ['stored leads', ...Object.keys(first.rates[0] ?? {}), 'bytes per lead'],
    stores.map((each) => row(each, first)),
  );
}
