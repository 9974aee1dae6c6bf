/**
 * What a store does a second with few leads in it and with many: adding, cancelling, looking up, and claiming and
 * recording due leads; and what is left of that over HTTP, where the store is a part of the work. The leads that are
 * there already are written by SQL of its own. The sizes take turns in short rounds, since a machine is not equally
 * fast at all times; the ratios are of one round each.
 */
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { newCancellation } from '../src/leads/cancellation.ts';
import { newSubmission } from '../src/leads/submission.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { type Furnished, postgresStore, sqliteStore, startServer } from './deployment.ts';
import { load } from './load.ts';
import { scattered, stride } from './phone-numbers.ts';
import { measured, plain, printTable } from './table.ts';

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

/** So many calls are under way at once. */
const maxConcurrent = 200;
/** So many leads are due, for the claims. */
const due = 40_000;

const content = JSON.stringify({
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor-trade',
  data: '{"vehicle_make":"Ford"}',
});

/** SQL that stores the leads of these numbers, half of them dialled, with their submissions. */
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

/** Stores so many leads. Gives how many bytes the whole store takes then. */
async function prepareSqlite(url: string, size: number): Promise<number> {
  const file = url.slice('sqlite:'.length);
  const database = new DatabaseSync(file);
  // In the 2 MB that are usual ten million numbers in no order would take an hour.
  database.exec('PRAGMA cache_size = -4000000');
  const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${size}) SELECT n FROM numbers)`;
  const mobile = `printf('+4479%08d', (n * ${stride}) % 100000000)`;
  // The table of leads refers to that of submissions only by name, and the other way by a key.
  for (const sql of fill(numbers, mobile).toReversed()) database.exec(sql);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  return statSync(file).size;
}

/** As `prepareSqlite`. */
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

/** Keeps so many calls under way for a while, or until one finds nothing to do. Gives how many ended a second. */
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

/** As many connections as calls of the store. The first load is for V8's compilers. */
async function measureOverHttp({ url, key }: Furnished, stored: number): Promise<Record<string, number>> {
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
    const mobile = `+4478${scattered(people)}`;
    added.push(mobile);
    const lead = { partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
    await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
    return 1;
  };
  const status = async () => {
    const n = 1 + Math.floor(Math.random() * stored);
    const mobile = `+4479${scattered(n)}`;
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
    const { leads } = await store.claimDue({ claim, limit: 20, lease: 60_000, notDueBefore: 0 });
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
    'claimed and recorded': await rate(deliver, 1),
  };
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n`);
/** How a store is had, filled, and given leads that are due. */
interface Kind {
  make(): Promise<Furnished>;
  /** Stores so many leads. Gives how many bytes the whole store takes then. */
  prepare(url: string, size: number): Promise<number>;
  makeDue(url: string): Promise<void>;
}

const kinds: Record<string, Kind> = {
  sqlite: { make: sqliteStore, prepare: prepareSqlite, makeDue: makeDueInSqlite },
  postgres: { make: postgresStore, prepare: preparePostgres, makeDue: makeDueInPostgres },
};

/** A store with so many leads, and what was measured of it. */
interface Grown {
  size: number;
  furnished: Furnished;
  bytes: number;
  rates: Record<string, number>[];
}

async function measureGrowth(kind: Kind): Promise<Grown[]> {
  const grown: Grown[] = [];
  for (const size of sizes) {
    process.stderr.write(`${plain(size)} leads are stored\n`);
    const furnished = await kind.make();
    grown.push({ size, furnished, bytes: (await kind.prepare(furnished.url, size)) / size, rates: [] });
  }
  // The first round is for V8's compilers.
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const each of grown) {
      process.stderr.write(`round ${round} of ${values.rounds}: ${plain(each.size)} leads\n`);
      await kind.makeDue(each.furnished.url);
      const store = await openStore(each.furnished.url);
      const rates = await measure(store, each.furnished.partnerId, each.size);
      await store.close();
      if (round === 0) continue;
      each.rates.push({ ...rates, ...(await measureOverHttp(each.furnished, each.size)) });
    }
    await renewFirst(grown, kind);
  }
  for (const { furnished } of grown) await furnished.remove();
  return grown;
}

/** The first store is to stay as small as it is said to be: a round adds ten times as many leads to it. */
async function renewFirst([first]: readonly Grown[], kind: Kind): Promise<void> {
  if (first === undefined) return;
  await first.furnished.remove();
  first.furnished = await kind.make();
  await kind.prepare(first.furnished.url, first.size);
}

function row({ size, bytes, rates }: Grown, first: Grown): string[] {
  const operations = Object.keys(rates[0] ?? {});
  return [
    plain(size),
    ...operations.map((what) => {
      const rate = measured(rates.map((each) => each[what] ?? Number.NaN));
      const ratio = measured(
        rates.map((each, round) => (each[what] ?? 0) / (first.rates[round]?.[what] ?? 0)),
      );
      return `${plain(rate.median)} (${ratio.median.toFixed(2)})`;
    }),
    plain(bytes),
  ];
}

for (const name of values.stores.split(',')) {
  const kind = kinds[name];
  if (kind === undefined) throw new Error(`There is no store ${name}.`);
  const grown = await measureGrowth(kind);
  const [first] = grown;
  if (first === undefined) throw new Error('--sizes names no size.');
  process.stdout.write(`\n${name}, a second:\n\n`);
  printTable(
    ['with stored leads', ...Object.keys(first.rates[0] ?? {}), 'bytes a lead'],
    grown.map((each) => row(each, first)),
  );
}
