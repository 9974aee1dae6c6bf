/**
 * Leads added a second by the store on PostgreSQL, beside what pgbench gets for the same statement in batches of the
 * same size, with as many under way: what is lost between PostgreSQL and the store's caller. They take turns; the
 * ratios are of one round each. PostgreSQL shares this machine with both.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { newSubmission, type Submission } from '../src/leads/submission.ts';
import { openStore } from '../src/store/open.ts';
import { sentSubmissionOf } from '../src/store/postgres/intake/decide.ts';
import { submit } from '../src/store/postgres/intake/submit.ts';
import { maxStatementsInFlight } from '../src/store/postgres/postgres-store.ts';
import { type Furnished, postgresStore } from './deployment.ts';
import { scattered, stride } from './phone-numbers.ts';
import { measured, plain, printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '10' },
    // As many as two full statements, so that the store has as many under way as pgbench.
    leads: { type: 'string', default: '512' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

/** What stands in pgbench's statement where each run of it puts the next number, and one in no order. */
const marks = { rising: '######', scattered: '@@@@@@' };

let people = 0;

function submission(partnerId: number, mobile: string): Submission {
  const content = JSON.stringify({ email: 'john.doe@test.com', first_name: 'John', surname: 'Doe', mobile });
  const lead = { partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
  return newSubmission({ receivedAt: Date.now(), ...lead });
}

/** Adds as the server does, with so many leads under way. Gives how many a second, and how many shared a batch. */
async function byTheStore({ url, partnerId }: Furnished): Promise<{ rate: number; batch: number }> {
  let batches = 0;
  let inBatches = 0;
  const observer = {
    batch: (_kind: string, size: number) => {
      batches += 1;
      inBatches += size;
    },
    failure: () => {},
  };
  const store = await openStore(url, connections, observer);
  const begun = performance.now();
  let added = 0;
  const caller = async () => {
    while (performance.now() - begun < seconds * 1_000) {
      people += 1;
      const mobile = `+4478${scattered(people)}`;
      await store.submit(submission(partnerId, mobile));
      added += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values.leads) }, caller));
  const rate = (added * 1_000) / (performance.now() - begun);
  await store.close();
  return { rate, batch: Math.round(inBatches / batches) };
}

/** The store's own statement, for so many leads, of which each run makes others. */
function script(partnerId: number, batch: number): string {
  const candidates = Array.from({ length: batch }, (_, index) => {
    // Far from each other and from those of other runs, as the numbers are that the store gets.
    const mobile = `+4${String((index * stride) % 1_000).padStart(3, '0')}${marks.scattered}`;
    const candidate = sentSubmissionOf(submission(partnerId, mobile));
    const unique = `${String(index).padStart(6, '0')}${marks.rising}`;
    return { ...candidate, id: `s${unique}`, new_lead_id: `l${unique}` };
  });
  // A colon and a letter would be a variable of pgbench.
  const json = JSON.stringify(candidates).replaceAll('":', '": ').replaceAll("'", "''");
  const rising = "lpad(run::text, 6, '0')";
  const unordered = `lpad(((run * ${stride}) % 1000000)::text, 6, '0')`;
  const filled = `replace(replace('${json}', '${marks.rising}', ${rising}), '${marks.scattered}', ${unordered})`;
  const sent = `(SELECT ${filled} FROM nextval('run') AS run)`;
  return `${submit.text.replace('$1', sent).replaceAll('\n', ' ')};\n`;
}

/** Adds with pgbench, with so many statements in flight as the store has. Gives how many leads a second. */
async function byPgbench({ url, partnerId }: Furnished, batch: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const file = join(directory, 'submit.sql');
  writeFileSync(file, script(partnerId, batch));
  const parameters = ['--no-vacuum', '--protocol', 'prepared', '--time', String(seconds)];
  const clients = ['--client', String(maxStatementsInFlight(connections)), '--file', file, url];
  const { stdout } = await promisify(execFile)('pgbench', [...parameters, ...clients]);
  rmSync(directory, { recursive: true, force: true });
  const statements = /^tps = ([0-9.]+)/m.exec(stdout)?.[1];
  if (statements === undefined) throw new Error(`pgbench did not run: ${stdout}`);
  return Number(statements) * batch;
}

const furnished = await postgresStore();
const rounds: { store: number; pgbench: number; batch: number }[] = [];
try {
  const client = new pg.Client({ connectionString: furnished.url });
  await client.connect();
  await client.query('CREATE SEQUENCE run');
  await client.end();
  // The first is for V8's compilers, and tells how large batches are.
  let { batch } = await byTheStore(furnished);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const pgbench = await byPgbench(furnished, batch);
    const store = await byTheStore(furnished);
    rounds.push({ store: store.rate, pgbench, batch });
    batch = store.batch;
  }
} finally {
  await furnished.remove();
}

const column = (name: 'store' | 'pgbench' | 'batch') => measured(rounds.map((round) => round[name]));
const ratio = measured(rounds.map(({ store, pgbench }) => store / pgbench));
process.stdout.write(`${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}; `);
process.stdout.write(`${maxStatementsInFlight(connections)} statements in flight\n\n`);
printTable(
  ['leads in a statement', 'store, adds/s', 'pgbench, adds/s', 'ratio', 'spread'],
  [
    [
      plain(column('batch').median),
      plain(column('store').median),
      plain(column('pgbench').median),
      ratio.median.toFixed(2),
      `${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)}`,
    ],
  ],
);
