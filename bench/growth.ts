/**
 * What a store does a second with few leads in it and with many: adding, cancelling, looking up, and
 * claiming and recording due leads. The leads that are there already are written by SQL of its own.
 */
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { newSubmission } from '../src/leads/submission.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { type Furnished, postgresStore, sqliteStore } from './deployment.ts';
import { plain, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000' },
    seconds: { type: 'string', default: '4' },
    stores: { type: 'string', default: 'sqlite,postgres' },
  },
});
const sizes = values.sizes.split(',').map(Number);
const milliseconds = Number(values.seconds) * 1_000;

/** So many calls are under way at once. */
const atOnce = 200;
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

/** SQL that stores leads `from` to `to`, half of them dialled, with their submissions. */
function fill(numbers: string, mobile: string): string[] {
  return [
    `INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
     SELECT 's' || n, 1, n, 'motor-trade', ${mobile}, 0, '${content}', 'accepted', 'l' || n FROM ${numbers}`,
    `INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_try_at)
     SELECT 'l' || n, 1, ${mobile}, 1, 's' || n,
       CASE n % 2 WHEN 0 THEN 'scheduled' ELSE 'dialled' END, n, 9000000000000, 9000000000000 + n
     FROM ${numbers}`,
  ];
}

const makeDue = `UPDATE lead SET state = 'scheduled', claim = NULL, due_at = 1000, next_try_at = 1000
  WHERE id IN (SELECT id FROM lead WHERE id LIKE 'l%' ORDER BY id LIMIT ${due})`;

/** Stores the leads of these numbers. Gives how many bytes the whole store takes then. */
async function prepareSqlite(url: string, from: number, to: number): Promise<number> {
  const file = url.slice('sqlite:'.length);
  const database = new DatabaseSync(file);
  const numbers = `(WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${to}) SELECT n FROM numbers)`;
  const scattered = `printf('+4479%08d', (n * 7919) % 100000000)`;
  // The table of leads refers to that of submissions only by name, and the other way by a key.
  for (const sql of fill(numbers, scattered).toReversed()) database.exec(sql);
  database.exec(makeDue);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  return statSync(file).size;
}

/** As `prepareSqlite`. */
async function preparePostgres(url: string, from: number, to: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const scattered = `'+4479' || lpad(((n::bigint * 7919) % 100000000)::text, 8, '0')`;
  for (const sql of fill(`generate_series(${from}, ${to}) AS n`, scattered)) await client.query(sql);
  await client.query(makeDue);
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  const { rows } = await client.query('SELECT pg_database_size(current_database()) AS bytes');
  await client.end();
  return Number(rows[0].bytes);
}

/** Keeps so many calls under way for a while, or until one finds nothing to do. Gives how many ended a second. */
async function rate(call: () => Promise<number>, width = atOnce): Promise<number> {
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

let people = 0;

async function measure(store: Store, partnerId: number, stored: number): Promise<Record<string, number>> {
  const added: string[] = [];
  const add = async () => {
    people += 1;
    const mobile = `+4478${String((people * 7919) % 100_000_000).padStart(8, '0')}`;
    added.push(mobile);
    const lead = { partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
    await store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
    return 1;
  };
  const status = async () => {
    const n = 1 + Math.floor(Math.random() * stored);
    const mobile = `+4479${String((n * 7919) % 100_000_000).padStart(8, '0')}`;
    await store.leadStatus({ partnerId, type: 'motor-trade', mobile });
    return 1;
  };
  const cancel = async () => {
    const mobile = added.pop();
    if (mobile === undefined) return 0;
    await store.cancel({ partnerId, type: 'motor-trade', mobile });
    return 1;
  };
  let claims = 0;
  const handOver = async () => {
    claims += 1;
    const claim = `claim-${claims}`;
    const { leads } = await store.claimDue({ claim, limit: 20, lease: 60_000, notDueBefore: 0 });
    const now = Date.now();
    const ended = { startedAt: now, endedAt: now, outcome: 'taken', answer: 'HTTP 204' } as const;
    await Promise.all(leads.map(({ id }) => store.recordTry(claim, { leadId: id, ...ended }, undefined)));
    return leads.length;
  };
  await rate(add);
  return {
    adds: await rate(add),
    cancels: await rate(cancel),
    statuses: await rate(status),
    'claimed and recorded': await rate(handOver, 1),
  };
}

process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}\n`);
const makers: Record<string, [() => Promise<Furnished>, typeof prepareSqlite]> = {
  sqlite: [sqliteStore, prepareSqlite],
  postgres: [postgresStore, preparePostgres],
};
for (const name of values.stores.split(',')) {
  const [make, prepare] = makers[name] ?? [];
  if (make === undefined || prepare === undefined) throw new Error(`There is no store ${name}.`);
  const furnished = await make();
  const rates: Record<string, number>[] = [];
  const bytes: number[] = [];
  let stored = 0;
  for (const size of sizes) {
    bytes.push((await prepare(furnished.url, stored + 1, size)) / size);
    stored = size;
    const store = await openStore(furnished.url);
    rates.push(await measure(store, furnished.partnerId, stored));
    await store.close();
  }
  await furnished.remove();
  process.stdout.write(`\n${name}, a second:\n\n`);
  const [first = {}] = rates;
  printTable(
    ['with stored leads', ...Object.keys(first), 'bytes a lead'],
    sizes.map((size, index) => [
      plain(size),
      ...Object.entries(rates[index] ?? {}).map(
        ([what, value]) => `${plain(value)} (${(value / (first[what] ?? value)).toFixed(2)})`,
      ),
      plain(bytes[index] ?? Number.NaN),
    ]),
  );
}
