/**
 * `node bench/migration.ts [LEADS]`: measures how long an SQLite store of version 1.0.0 with so many leads takes to
 * migrate.
 */
import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../src/store/open.ts';

const leads = Number(process.argv[2] ?? 1_000_000);
const directory = mkdtempSync(join(tmpdir(), 'leads-migration-'));
const file = join(directory, 'leads.db');
try {
  copyFileSync(new URL('../test/fixtures/1.0.0/leads.db', import.meta.url), file);
  chmodSync(file, 0o600);
  fill();
  const size = Math.round(statSync(file).size / 2 ** 20);
  const begun = performance.now();
  const store = await openStore(`sqlite:${file}`);
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  const { byState } = await store.leadStats();
  await store.close();
  process.stdout.write(
    `${leads} leads (${size} MiB): migrated in ${seconds} s. Leads by state: ${JSON.stringify(byState)}\n`,
  );
} finally {
  rmSync(directory, { recursive: true });
}

/** Adds dialled leads, each with its submission and an attempt, in the order in which a server would. */
function fill(): void {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA synchronous = OFF; BEGIN');
  const { type_id: type, partner_id: partner } = {
    ...database.prepare('SELECT type_id, partner_id FROM granted_type LIMIT 1').get(),
  };
  const values = `WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${leads})`;
  const id = "'01k' || printf('%017d', number)";
  database.exec(`
    ${values} INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at, dialled_at)
      SELECT ${id}, ${type}, '+44' || (7000000000 + number * 7919 % 999999937), ${partner}, ${id}, 'dialled', 1, 1, 1, 1 FROM numbers;
    ${values} INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
      SELECT ${id}, ${partner}, 1, 'motor', '+44' || (7000000000 + number * 7919 % 999999937), 0,
        '{"email":"john.doe@test.com","first_name":"John","surname":"Doe","mobile":"07840258823","type":"motor"}', 'accepted', ${id}
      FROM numbers;
    ${values} INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response) SELECT ${id}, 1, 1, 'delivered', 'OK' FROM numbers;
    COMMIT`);
  database.close();
}
