/**
 * What is asked for every request and every hand-over is found by an index, however much there is: a
 * table that is read whole is not noticed with ten thousand leads, and stops a call centre with ten million.
 */
import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { cancel, claim, record, temporaryDirectory } from '../harness/server.ts';
import { closing, furnished } from './stores.ts';

const stored = 30_000;

let people = 0;

/** Does once all that partners' requests and the dispatcher do over and over. */
async function work(store: Store, from: Awaited<ReturnType<typeof furnished>>['from']): Promise<void> {
  await store.keyHolder('digest');
  await store.isGranted(1, 'motor');
  people += 1;
  const submission = from(1, { mobile: `+44784${String(people).padStart(7, '0')}` });
  const person = { partnerId: 1, type: 'motor', mobile: submission.mobile };
  await store.submit(submission);
  await store.submit(from(1, { mobile: submission.mobile }));
  await store.leadStatus(person);
  await cancel(store, person);
  await store.submit(from(1, { mobile: submission.mobile }));
  await store.nextAttemptAt();
  await Array.fromAsync(store.dueLeads(20));
  for (const { id } of await claim(store, 'test', { limit: 20 }))
    await record(store, 'test', id, 'delivered');
}

/** Leads of other people, half of them due later and half of them dialled, each from a submission of its own. */
const fill = {
  submission: (numbers: string) => `
    INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
    SELECT 'submission' || n, 1, n, 'motor', '+4479' || n, 0, '{}', 'accepted', 'lead' || n FROM ${numbers}`,
  lead: (numbers: string) => `
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
    SELECT 'lead' || n, 1, '+4479' || n, 1, 'submission' || n,
      CASE n % 2 WHEN 0 THEN 'scheduled' ELSE 'dialled' END, n, 9000000000000, 9000000000000 + n
    FROM ${numbers}`,
  try: (numbers: string) => `
    INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
    SELECT 'lead' || n, n, n, 'delivered', 'HTTP 204' FROM ${numbers} WHERE n % 2 = 1`,
};

test.each([
  ['as it was when the tables were empty', false],
  ['as the statistics say', true],
])('PostgreSQL reads no large table whole, planning %s', async (_when, isAnalysed) => {
  const url = await emptyDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  const { from } = await furnished(store);
  await store.addKey('first', 'key', 'digest');
  // A plan that does not depend on the values is kept after a few times.
  for (let round = 0; round < 10; round += 1) await work(store, from);
  const numbers = `generate_series(1, ${stored}) AS n`;
  for (const sql of [fill.submission(numbers), fill.lead(numbers), fill.try(numbers)]) {
    await asAdministrator(url, sql);
  }
  if (isAnalysed) await asAdministrator(url, 'ANALYZE');
  const [before] = await wholeReads(url, store);
  for (let round = 0; round < 10; round += 1) await work(store, from);
  const [after] = await wholeReads(url, store);
  expect(after).toEqual(before);
  expect(await asAdministrator(url, 'SELECT count(*)::integer AS count FROM lead')).toEqual([
    { count: stored + 40 },
  ]);
});

/** How often each large table was read from one end to the other; a backend tells when it is asked to. */
async function wholeReads(url: string, store: Store): Promise<Record<string, number>[]> {
  // Every second at most, or before a backend goes idle for long.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await store.nextAttemptAt();
  return asAdministrator<Record<string, number>>(
    url,
    `SELECT json_object_agg(relname, seq_scan) AS reads FROM pg_stat_user_tables
     WHERE relname IN ('lead', 'submission', 'attempt')`,
  );
}

test('SQLite reads no large table whole', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = closing(openSqliteStore(file));
  const { from } = await furnished(store);
  await store.addKey('first', 'key', 'digest');
  const spies = (['run', 'get', 'all'] as const).map((name) => vi.spyOn(StatementSync.prototype, name));
  await work(store, from);
  await store.workload();
  // The cast: what a prepared statement's method was called on is the statement.
  const statements = spies.flatMap((spy) => spy.mock.contexts) as StatementSync[];
  const used = new Set(statements.map(({ sourceSQL }) => sourceSQL));
  for (const spy of spies) spy.mockRestore();
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  const plans = [...used].map((sql) => ({
    sql,
    steps: database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail)),
  }));
  expect(plans.length).toBeGreaterThan(12);
  // An index of the undecided leads alone is counted whole.
  const whole = /^SCAN (lead|submission|try|replay|api_key)\b(?! USING COVERING INDEX lead_undecided)/;
  for (const { steps } of plans) for (const step of steps) expect(step).not.toMatch(whole);
  // The leads of a paused type are skipped together, so none is looked at before its type.
  const line = plans.flatMap(({ steps }) => steps.filter((step) => step.includes('INDEX lead_due')));
  expect(line.length).toBeGreaterThanOrEqual(3);
  for (const step of line) expect(step).toMatch(/INDEX lead_due \(type_id=\?/);
});

test('PostgreSQL does not read the leads of a paused type to find the others', async () => {
  const url = await emptyDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  const { from } = await furnished(store);
  await store.addType('home', null);
  await store.pauseDelivery({ type: 'home', by: 'operator', reason: 'maintenance' });
  const numbers = `generate_series(1, ${stored}) AS n`;
  await asAdministrator(url, fill.submission(numbers));
  // All of them are due, and stand before everyone else.
  await asAdministrator(
    url,
    fill
      .lead(numbers)
      .replace(', 1, ', ', 2, ')
      .replaceAll('9000000000000', '0')
      .replace("'dialled'", "'scheduled'"),
  );
  for (let round = 0; round < 10; round += 1) await work(store, from);
  expect(await entriesRead(url, store)).toBeLessThan(1_000);
  expect(await store.workload()).toMatchObject({ due: 0, duePaused: stored });
});

/** How many entries of the index by which due leads are found were read. */
async function entriesRead(url: string, store: Store): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await store.nextAttemptAt();
  const [row] = await asAdministrator<{ entries: number }>(
    url,
    `SELECT idx_tup_read::integer AS entries FROM pg_stat_user_indexes WHERE indexrelname = 'lead_due'`,
  );
  return row?.entries ?? 0;
}
