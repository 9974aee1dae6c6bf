/**
 * Every statement of a request, a delivery or a look-up of one person uses an index. Scanning a table takes a moment
 * with ten thousand leads, and minutes with ten million.
 */

import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { CallingRules } from '../../src/leads/calling-hours/rules-by-type.ts';
import { newIdentifier } from '../../src/leads/identifier.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { Operation, OperationRequest } from '../../src/operations/operation.ts';
import { createOperations } from '../../src/operations/operations.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { defaultBody, operationIds } from '../harness/contract.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { mobileOf } from '../harness/mobile.ts';
import { asAdministrator } from '../harness/postgres.ts';
import { cancel, claim, record, temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest, seeded } from './stores.ts';

const stored = 10_000;

let people = 0;

/** Runs each statement of partners' requests and of the dispatcher once. */
async function runEveryStatement(
  store: Store,
  from: Awaited<ReturnType<typeof seeded>>['from'],
): Promise<void> {
  await store.keyHolder('digest');
  await store.isGranted(1, 'motor');
  // The operations end with an objection, so that the others need another person.
  people += 2;
  await runEveryOperation(store, mobileOf(people - 1));
  const mobile = mobileOf(people);
  await store.submit(from(1, { mobile }));
  await cancel(store, { partnerId: 1, type: 'motor', mobile });
  await store.submit(from(1, { mobile }));
  await store.submit(from(1, { mobile }));
  await store.nextAttemptAt();
  await Array.fromAsync(store.dueLeads(20));
  for (const { id } of await claim(store, 'test', { limit: 20 }))
    await record(store, 'test', id, 'delivered');
  await withdraw(store, mobile);
  await reportCall(store, mobile);
  await sendEvents(store);
}

/** Sends the events of a partner. */
async function sendEvents(store: Store): Promise<void> {
  await store.dueWebhooks();
  const events = await store.claimEvents({ partnerId: 1, claim: 'events', limit: 2, lease: 60_000 });
  const attempt = { startedAt: 1, endedAt: 2, outcome: 'delivered', response: 'HTTP 204' } as const;
  const attempts = events.map(({ id }) => ({ ...attempt, eventId: id, nextAttemptAt: null }));
  await store.recordWebhookAttempts('events', attempts);
  await store.webhooks();
  await store.webhookAttempts('first', 10);
}

/** Withdraws the dialled lead of a person. */
async function withdraw(store: Store, mobile: string): Promise<void> {
  await store.setWithdraws('motor', true);
  const request = { partnerId: 1, type: 'motor', mobile };
  const cancelled = await cancel(store, request, { key: `withdrawal of ${mobile}`, fingerprint: 'f' });
  expect(cancelled.outcome).toBe('withdrawing');
  await store.nextWithdrawalAt();
  for (const { id } of await store.claimWithdrawals({ claim: 'test', limit: 20, lease: 60_000 })) {
    const attempt = { leadId: id, endedAt: Date.now(), response: 'HTTP 204' };
    await store.recordWithdrawal('test', { ...attempt, outcome: 'unavailable' }, Date.now() + 60_000);
    await store.recordWithdrawal('test', { ...attempt, outcome: 'withdrawn' }, undefined);
    await store.endedWithdrawals([id]);
    await store.settleCancellation({ id: 'none', partnerId: 1 }, id, `withdrawal of ${mobile}`);
  }
  await store.withdrawalStats();
  await store.setWithdraws('motor', false);
}

/** Reports the result of a call of the latest lead of a person. */
async function reportCall(store: Store, mobile: string): Promise<void> {
  const [lead] = await Array.fromAsync(store.leads({ mobile }, 1));
  const call = { leadId: lead?.id ?? '', callId: 'call', code: 'DNC', result: 'do-not-call' } as const;
  const times = { calledAt: 1, talkTime: null, receivedAt: 1 };
  const report = { ...call, ...times, dialler: 'vicidial', types: ['motor'] };
  expect(await store.recordCallResult(report)).toMatchObject({ outcome: 'recorded' });
}

/** Runs each operation of the contract for a person, with an idempotency key if it accepts one. */
async function runEveryOperation(store: Store, mobile: string): Promise<void> {
  const callingRules = new CallingRules(() => store.callingHours(), 'always');
  const operations = createOperations(store, phoneParsers('GB'), {
    callingRules,
    dailyQuotas: { enter: () => undefined, count: () => {}, leave: () => {} },
    rows: {
      newReader: () => ({ read: (row) => ({ ref: 'ref', body: Object(row), text: JSON.stringify(row) }) }),
      requiredFields: async () => [],
      onInvalid: () => {},
    },
    objectionsPerDay: 1_000,
  });
  for (const id of operationIds()) {
    const lead = { ...defaultBody(id === 'addLeads' ? 'addLead' : id), mobile, type: 'motor' };
    const body = id === 'addLeads' ? { leads: [lead, lead] } : lead;
    // The casts: the body of an operation's own example.
    await (operations[id] as Operation<OperationId>).run({
      id: newIdentifier(),
      partner: { id: 1, name: 'first' },
      keyId: 'key',
      dailyQuota: null,
      maxPriority: 9,
      body: body as unknown as OperationRequest<OperationId>['body'],
      text: JSON.stringify(body),
      receivedAt: Date.now(),
      idempotency: { key: `${id} ${mobile}`, fingerprint: id },
    });
  }
}

/** Looks up everything about a person, as `leads lead show` does. */
async function lookUp(store: Store, mobile: string): Promise<number> {
  const lists = [
    store.leads({ mobile }, 1_000),
    store.attempts(mobile),
    store.leadActions(mobile),
    store.callResults(mobile),
    store.submissions({ mobile }, 1_000),
    store.cancellations(mobile),
  ];
  const found = await Promise.all(lists.map((list: AsyncIterable<object>) => Array.fromAsync(list)));
  return found.flat().length;
}

/** Leads of other people with a submission each: half are due later, half are dialled. */
const fill = {
  submission: (numbers: string) => `
    INSERT INTO submission (id, partner_id, received_at, type, mobile, delays, content, outcome, lead_id)
    SELECT 'submission' || n, 1, n, 'motor', '+4479' || n, 0, '{}', 'accepted', 'lead' || n FROM ${numbers}`,
  lead: (numbers: string) => `
    INSERT INTO lead (id, type_id, mobile, partner_id, submission_id, state, accepted_at, due_at, next_attempt_at)
    SELECT 'lead' || n, 1, '+4479' || n, 1, 'submission' || n,
      CASE n % 2 WHEN 0 THEN 'scheduled' ELSE 'dialled' END, n, 9000000000000, 9000000000000 + n
    FROM ${numbers}`,
  attempt: (numbers: string) => `
    INSERT INTO attempt (lead_id, started_at, ended_at, outcome, response)
    SELECT 'lead' || n, n, n, 'delivered', 'HTTP 204' FROM ${numbers} WHERE n % 2 = 1`,
};

test.each([
  ['planned when the tables were empty', false],
  ['planned with statistics', true],
])('PostgreSQL scans no large table: %s', async (_when, isAnalysed) => {
  const url = await storeDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  const { from } = await seeded(store);
  await store.addKey('first', 'key', 'digest');
  await store.setWebhook('first', 'https://hooks.example', { salt: 'salt', keyId: 'key' });
  // After a few executions PostgreSQL keeps a plan that does not depend on the values.
  for (let round = 0; round < 10; round += 1) await runEveryStatement(store, from);
  const numbers = `generate_series(1, ${stored}) AS n`;
  for (const sql of [fill.submission(numbers), fill.lead(numbers), fill.attempt(numbers)]) {
    await asAdministrator(url, sql);
  }
  if (isAnalysed) await asAdministrator(url, 'ANALYZE');
  const before = await countScans(url, store);
  for (let round = 0; round < 10; round += 1) await runEveryStatement(store, from);
  const after = await countScans(url, store);
  expect(after.sequential).toEqual(before.sequential);
  expect(after.byIndex).toBeGreaterThan(before.byIndex);
  expect(await asAdministrator(url, 'SELECT count(*)::integer AS count FROM lead')).toEqual([
    { count: stored + 60 },
  ]);
});

/** Makes the store's only connection report its statistics, which PostgreSQL otherwise delays by up to a second. */
async function reportStatistics(url: string, store: Store): Promise<void> {
  // Only the connection itself can do that, and a readiness check writes on it.
  await asAdministrator(
    url,
    `CREATE OR REPLACE FUNCTION report_statistics() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_stat_force_next_flush(); RETURN NULL; END $$;
     CREATE OR REPLACE TRIGGER report_statistics AFTER INSERT ON readiness
       FOR EACH STATEMENT EXECUTE FUNCTION report_statistics()`,
  );
  await store.checkReady();
}

/** Returns the number of sequential scans of each large table, and of all index scans. */
async function countScans(url: string, store: Store) {
  await reportStatistics(url, store);
  const [scans] = await asAdministrator<{ sequential: Record<string, number>; byIndex: number }>(
    url,
    `SELECT json_object_agg(relname, seq_scan) AS sequential, sum(idx_scan)::integer AS "byIndex"
     FROM pg_stat_user_tables WHERE relname IN ('lead', 'submission', 'attempt', 'partner_event', 'webhook_attempt')`,
  );
  if (scans === undefined) throw new Error('PostgreSQL has no statistics of the tables.');
  return scans;
}

test.each([
  ['planned when the tables were empty', false],
  ['planned with statistics', true],
])('PostgreSQL finds everything about a person by index: %s', async (_when, isAnalysed) => {
  const url = await storeDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  await seeded(store);
  for (let round = 0; round < 10; round += 1) await lookUp(store, '+44791');
  const numbers = `generate_series(1, ${stored}) AS n`;
  for (const sql of [fill.submission(numbers), fill.lead(numbers), fill.attempt(numbers)]) {
    await asAdministrator(url, sql);
  }
  if (isAnalysed) await asAdministrator(url, 'ANALYZE');
  const before = await entriesRead(url, store);
  expect(await lookUp(store, '+44791')).toBe(3);
  const read = (await entriesRead(url, store)) - before;
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(1_000);
});

test('SQLite scans no large table', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = closeAfterTest(openSqliteStore(file));
  const { from } = await seeded(store);
  await store.addKey('first', 'key', 'digest');
  const spies = (['run', 'get', 'all'] as const).map((name) => vi.spyOn(StatementSync.prototype, name));
  await runEveryStatement(store, from);
  await store.leadStats();
  await Array.fromAsync(store.leads({ isWaitingForRetry: true }, 10));
  await lookUp(store, '+447840000001');
  // The cast: the methods were called on prepared statements.
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
  // The indexes of undecided leads and of those that wait are small: counting scans all of them.
  const scan =
    /^SCAN (lead|submission|attempt|rerun|api_key)\b(?! USING COVERING INDEX lead_(undecided|waiting|not_permitted))/;
  for (const { sql, steps } of plans) {
    for (const step of steps) {
      expect(step, sql).not.toMatch(scan);
      // A range of ids is a scan from the newest row to the oldest.
      expect(step).not.toMatch(/\(id<\?\)/);
    }
  }
  // The leads of a paused type are skipped together, so that none is read before its type.
  const dueQueries = plans.flatMap(({ steps }) => steps.filter((step) => step.includes('INDEX lead_due')));
  expect(dueQueries.length).toBeGreaterThanOrEqual(3);
  for (const step of dueQueries) expect(step).toMatch(/INDEX lead_due \(type_id=\?/);
});

test('PostgreSQL counts and lists leads that wait for a retry without reading those that are due later', async () => {
  const url = await storeDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  await seeded(store);
  const numbers = `generate_series(1, ${stored}) AS n`;
  for (const sql of [fill.submission(numbers), fill.lead(numbers)]) await asAdministrator(url, sql);
  await asAdministrator(url, 'ANALYZE');
  const before = await entriesRead(url, store, 'lead_due');
  for (let round = 0; round < 10; round += 1) {
    await store.leadStats();
    expect(await Array.fromAsync(store.leads({ isWaitingForRetry: true }, 10))).toEqual([]);
  }
  expect((await entriesRead(url, store, 'lead_due')) - before).toBeLessThan(100);
});

test('PostgreSQL finds due leads without reading those of a paused type', async () => {
  const url = await storeDatabase();
  const store = await openPostgresStore(url, { connections: 1 });
  onTestFinished(() => store.close());
  const { from } = await seeded(store);
  await store.addType('home', null);
  await store.pauseDelivery({ type: 'home', by: 'operator', reason: 'maintenance' });
  const numbers = `generate_series(1, ${stored}) AS n`;
  await asAdministrator(url, fill.submission(numbers));
  // All of them are due before the others.
  await asAdministrator(
    url,
    fill
      .lead(numbers)
      .replace(', 1, ', ', 2, ')
      .replaceAll('9000000000000', '0')
      .replace("'dialled'", "'scheduled'"),
  );
  for (let round = 0; round < 10; round += 1) await runEveryStatement(store, from);
  const read = await entriesRead(url, store, 'lead_due');
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(1_000);
  expect(await store.leadStats()).toMatchObject({ due: 0, duePaused: stored });
});

/** Returns the number of entries read from an index, or from all indexes. */
async function entriesRead(url: string, store: Store, index = '%'): Promise<number> {
  await reportStatistics(url, store);
  const [row] = await asAdministrator<{ entries: number }>(
    url,
    `SELECT sum(idx_tup_read)::integer AS entries FROM pg_stat_user_indexes WHERE indexrelname LIKE $1`,
    [index],
  );
  return row?.entries ?? 0;
}
