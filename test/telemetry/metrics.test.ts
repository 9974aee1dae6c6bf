/** Dashboards and alerts depend on these metrics. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { LeadMetrics } from '../../src/telemetry/metrics/lead-metrics.ts';
import { Metrics } from '../../src/telemetry/metrics/metrics.ts';
import { executeCli } from '../harness/cli.ts';
import { openRaw, post, send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { startObservedServer } from '../harness/observed-server.ts';
import { breakStore, temporaryDirectory } from '../harness/server.ts';

const dashboard = new URL('../../docs/grafana-dashboard.json', import.meta.url);
const alerts = new URL('../../docs/alerts.yml', import.meta.url);

/** Returns the names of the series in the text format. */
function seriesIn(text: string): Set<string> {
  return new Set([...text.matchAll(/^([a-z0-9_]+)(?:\{| )/gm)].map(([, name = '']) => name));
}

/** Returns the names of the metrics in an expression. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/\b(?:leads|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);
}

test('counts requests, commits, leads and delivery attempts', async () => {
  const { target, metrics } = await startObservedServer({ DIALLER: 'log' });
  const person = requestValue('addLead', 'accepted');
  await post(target, 'addLead', person);
  const delayed = {
    headers: { 'Idempotency-Key': 'retried' },
    body: { ...person, delays: 600, mobile: '07840258824' },
  };
  await send(target, 'addLead', delayed);
  await send(target, 'addLead', delayed);
  await post(target, 'addLead', {});
  await post({ ...target, key: 'wrong' }, 'leadStatus', { mobile: person['mobile'], type: person['type'] });
  await expect.poll(metrics).toContain('leads_by_state{state="dialled"} 1');
  const text = await metrics();
  for (const line of [
    'leads_requests_total{operation="addLead",outcome="accepted",status="200",replayed="false"} 2',
    'leads_requests_total{operation="addLead",outcome="accepted",status="200",replayed="true"} 1',
    'leads_requests_total{operation="addLead",outcome="validation-failed",status="400",replayed="false"} 1',
    'leads_requests_total{operation="leadStatus",outcome="unauthorized",status="401",replayed="false"} 1',
    'leads_accepted_total{partner="demo"} 2',
    'leads_request_duration_seconds_count{operation="addLead"} 4',
    'leads_delivery_attempts_total{dialler="log",outcome="delivered"} 1',
    'leads_delivery_duration_seconds_count{dialler="log"} 1',
    'leads_by_state{state="scheduled"} 1',
    'leads_by_state{state="failed"} 0',
    'leads_undecided 0',
    'leads_due 0',
    'leads_oldest_due_seconds 0',
    'leads_store_queue_depth 0',
    'leads_too_late_total{cause="dial-within"} 0',
    'leads_too_late_total{cause="expires-at"} 0',
    'leads_delivery_state{state="running"} 1',
    'leads_ready 1',
    'leads_log_lines_dropped_total 0',
    'leads_clock_skew_seconds 0',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  const time = Number(/^leads_time_seconds (.*)$/m.exec(text)?.[1]);
  expect(Math.abs(Date.now() / 1_000 - time)).toBeLessThan(60);
  expect(text).toMatch(/^leads_store_batch_size_sum\{kind="write"\} [1-9]/m);
});

test('reports for how many seconds the oldest lead has been due', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { target, metrics } = await startObservedServer({ DATABASE_URL: `sqlite:${file}` });
  await post(target, 'addLead', requestValue('addLead', 'accepted'));
  const database = new DatabaseSync(file);
  database.exec('UPDATE lead SET next_attempt_at = next_attempt_at - 3600000');
  database.close();
  const text = await metrics();
  const wait = Number(/^leads_oldest_due_seconds (.*)$/m.exec(text)?.[1]);
  expect(wait).toBeGreaterThanOrEqual(3_600);
  expect(wait).toBeLessThan(3_700);
  expect(text).toContain('leads_due 1');
});

test('reports when the last backup succeeded, and nothing before the first', async () => {
  const directory = temporaryDirectory();
  const environment = { DATABASE_URL: `sqlite:${join(directory, 'leads.db')}` };
  const { metrics } = await startObservedServer(environment);
  const reported = async () => /^leads_last_backup_timestamp_seconds (.*)$/m.exec(await metrics())?.[1];
  expect(await reported()).toBeUndefined();
  const before = Date.now() / 1_000;
  expect((await executeCli(['store', 'backup', join(directory, 'copy.db')], environment)).code).toBe(0);
  const at = await reported();
  expect(Number(at)).toBeGreaterThanOrEqual(before);
  expect(Number(at)).toBeLessThanOrEqual(Date.now() / 1_000);
  expect((await executeCli(['store', 'backup', join(directory, 'copy.db')], environment)).code).toBe(1);
  expect(await reported()).toBe(at);
});

const withdrawals = { openWithdrawals: 3, oldestWithdrawal: 9.5, failedWithdrawals: 2 };

test('reports durations in seconds, in the right buckets, and the state of delivery', async () => {
  const counts = {
    byState: { scheduled: 3 },
    due: 2,
    undecided: 1,
    duePaused: 0,
    notPermitted: [],
    waitingForRetry: 5,
  };
  const metrics = new Metrics(
    async () => ({
      ...counts,
      ...withdrawals,
      pauses: [],
      registries: [{ name: 'tps', age: 5, maxAge: 9 }],
      webhooks: [{ partner: 'acme', waiting: 4, oldest: 60 }],
      oldestDue: 12.5,
      oldestWaiting: 7.5,
      lastResults: [{ type: 'motor', receivedAt: 2_500 }],
      lastBackupAt: 1_500,
    }),
    () => true,
    () => 4,
    () => 'waiting',
  );
  const request = { requestId: 'id', operation: 'addLead', outcome: 'accepted', status: 200 };
  metrics.onResponse({ ...request, milliseconds: 1_500 });
  metrics.delivery.onWithdrawalReopened();
  metrics.store.batch('write', 7, 2_500);
  metrics.delivery.onAttempt({ dialler: 'log', outcome: 'delivered', milliseconds: 3_500 });
  const { text } = await metrics.read();
  for (const line of [
    'leads_request_duration_seconds_sum{operation="addLead"} 1.5',
    'leads_request_duration_seconds_bucket{le="1",operation="addLead"} 0',
    'leads_request_duration_seconds_bucket{le="2.5",operation="addLead"} 1',
    'leads_store_batch_duration_seconds_sum{kind="write"} 2.5',
    'leads_store_batch_size_sum{kind="write"} 7',
    'leads_delivery_duration_seconds_sum{dialler="log"} 3.5',
    'leads_oldest_due_seconds 12.5',
    'leads_last_backup_timestamp_seconds 1.5',
    'leads_last_result_timestamp_seconds{type="motor"} 2.5',
    'leads_due 2',
    'leads_waiting_for_retry 5',
    'leads_oldest_waiting_seconds 7.5',
    'leads_withdrawals_open 3',
    'leads_oldest_withdrawal_seconds 9.5',
    'leads_withdrawals_failed 2',
    'leads_withdrawals_reopened_total 1',
    'leads_registry_age_seconds{registry="tps"} 5',
    'leads_registry_max_age_seconds{registry="tps"} 9',
    'leads_store_queue_depth 4',
    'leads_by_state{state="scheduled"} 3',
    'leads_delivery_state{state="running"} 0',
    'leads_delivery_state{state="waiting"} 1',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('counts the accepted leads of a limited number of partners separately', async () => {
  const metrics = new Metrics(
    async () => undefined,
    () => true,
    () => 0,
    () => 'off',
  );
  const request = { requestId: 'id', outcome: 'accepted', status: 200, milliseconds: 1 };
  for (let partner = 0; partner < 1_002; partner += 1) {
    metrics.onResponse({ ...request, operation: 'addLead', partner: `partner-${partner}` });
    metrics.onResponse({ ...request, operation: 'addLead', partner: `partner-${partner}`, isReplay: true });
  }
  metrics.onResponse({ ...request, operation: 'addLead', partner: 'partner-0' });
  const lines = (await metrics.read()).text
    .split('\n')
    .filter((line) => line.startsWith('leads_accepted_total{'));
  expect(lines).toHaveLength(1_001);
  expect(lines).toContain('leads_accepted_total{partner="partner-0"} 2');
  expect(lines).toContain('leads_accepted_total{partner=""} 2');
});

test('counts objections by partner, from 0 for partners that send leads', async () => {
  const metrics = new Metrics(
    async () => undefined,
    () => true,
    () => 0,
    () => 'off',
  );
  const request = { requestId: 'id', outcome: 'recorded', status: 200, milliseconds: 1 };
  metrics.onResponse({ ...request, operation: 'addLead', outcome: 'accepted', partner: 'acme' });
  metrics.onResponse({ ...request, operation: 'doNotCall', partner: 'home' });
  metrics.onResponse({ ...request, operation: 'doNotCall', outcome: 'too-many-objections', partner: 'home' });
  // A request with a test key is about no person.
  metrics.onResponse({ ...request, operation: 'doNotCall', partner: 'home', isTest: true });
  const { text } = await metrics.read();
  expect(text).toContain('leads_objections_total{partner="acme"} 0\n');
  expect(text).toContain('leads_objections_total{partner="home"} 1\n');
});

test('while the store fails, reports how many calls wait for it, and none of its own metrics', async () => {
  const pauses = [{ type: undefined, by: 'operator' }];
  const counts = { byState: { scheduled: 3 }, due: 2, undecided: 1, duePaused: 1, oldestDue: 5 };
  const waiting = { notPermitted: [], waitingForRetry: 1, oldestWaiting: 5 };
  let values: LeadMetrics | undefined = {
    ...counts,
    ...waiting,
    ...withdrawals,
    pauses,
    registries: [{ name: 'tps', age: Number.POSITIVE_INFINITY, maxAge: 9 }],
    lastResults: [{ type: 'motor', receivedAt: 2_500 }],
    webhooks: [],
    lastBackupAt: 1_500,
  };
  const metrics = new Metrics(
    async () => values,
    () => false,
    () => 7,
    () => 'running',
  );
  const series = async () => {
    const { text } = await metrics.read();
    return text.split('\n').flatMap((line) => /^leads_\w+/.exec(line)?.[0] ?? []);
  };
  const ofStore = [
    'leads_by_state',
    'leads_due',
    'leads_waiting_for_retry',
    'leads_oldest_waiting_seconds',
    'leads_oldest_due_seconds',
    'leads_undecided',
    'leads_withdrawals_open',
    'leads_oldest_withdrawal_seconds',
    'leads_withdrawals_failed',
    'leads_registry_age_seconds',
    'leads_registry_max_age_seconds',
    'leads_last_backup_timestamp_seconds',
    'leads_last_result_timestamp_seconds',
    'leads_due_paused',
    'leads_delivery_paused',
  ];
  expect(await series()).toEqual(expect.arrayContaining(ofStore));
  values = undefined;
  for (const name of ofStore) expect(await series()).not.toContain(name);
  expect((await metrics.read()).text.split('\n')).toContain('leads_store_queue_depth 7');
});

test('reports paused leads separately, and each pause with who paused', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { target, metrics, metricsUrl } = await startObservedServer({
    DIALLER: 'log',
    DATABASE_URL: `sqlite:${file}`,
  });
  const store = openSqliteStore(file);
  onTestFinished(() => store.close());
  expect(await metrics()).toContain('leads_delivery_paused{type="",by="dialler"} 0');
  await store.pauseDelivery({ type: 'motor-trade', by: 'operator', reason: 'maintenance' });
  await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
  await post(target, 'addLead', requestValue('addLead', 'accepted'));
  const lines = (await metrics()).split('\n');
  for (const line of [
    'leads_delivery_paused{type="motor-trade",by="operator"} 1',
    'leads_delivery_paused{type="",by="dialler"} 1',
    'leads_delivery_paused{type="",by="operator"} 0',
    'leads_due 0',
    'leads_due_paused 1',
    'leads_oldest_due_seconds 0',
  ]) {
    expect(lines).toContain(line);
  }
  const status = async () => (await fetch(new URL('/status', metricsUrl))).json();
  await expect.poll(status).toEqual({
    ready: true,
    delivery: {
      dialler: 'log',
      state: 'paused',
      reason: 'Delivery of all lead types is paused by the dialler: login incorrect.',
    },
  });
  // Leads are still accepted.
  expect((await fetch(`${target.url}/readyz`)).status).toBe(200);
  for (const type of ['motor-trade', undefined]) await store.resumeDelivery(type);
  await expect.poll(metrics).toContain('leads_by_state{state="dialled"} 1');
  expect(await metrics()).not.toContain('leads_delivery_paused{type="motor-trade"');
});

test('counts failures of the store, and reports no values of it meanwhile', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { target, metrics } = await startObservedServer({ DATABASE_URL: `sqlite:${file}` });
  // Earlier values must not be repeated.
  expect(await metrics()).toMatch(/^leads_by_state\{state="scheduled"\} 0$/m);
  breakStore(file);
  expect((await post(target, 'addLead', requestValue('addLead', 'accepted'))).status).toBe(500);
  const text = await metrics();
  expect(text).toContain(
    'leads_requests_total{operation="addLead",outcome="server-error",status="500",replayed="false"} 1',
  );
  // The server reads the rules of lead types first, at most once a second, and also writes by itself.
  expect(text).toMatch(/^leads_store_errors_total\{kind="(?:read|write)"\} [1-9]/m);
  expect(text).not.toMatch(/^leads_by_state\{/m);
  expect(text).not.toMatch(/^leads_due /m);
  expect(text).not.toMatch(/^leads_delivery_paused\{/m);
});

test('the series of requests that alert one by one exist before the first such request', async () => {
  const { metrics } = await startObservedServer({});
  const text = await metrics();
  for (const labels of [
    'operation="addLead",outcome="unknown-type",status="200"',
    'operation="addLead",outcome="server-error",status="500"',
    'operation="cancelLead",outcome="server-error",status="500"',
  ]) {
    expect(text).toContain(`leads_requests_total{${labels},replayed="false"} 0\n`);
  }
});

/** Returns the series of a server that has delivered a lead. */
async function seriesOfServer(): Promise<Set<string>> {
  const { metrics, target } = await startObservedServer({ DIALLER: 'log' });
  await post(target, 'addLead', requestValue('addLead', 'accepted'));
  // The lead is delivered after the response.
  await expect.poll(async () => seriesIn(await metrics()).has('leads_delivery_attempts_total')).toBe(true);
  return seriesIn(await metrics());
}

/** Returns the metrics in the table of docs/operating/monitoring.md. */
function namesInGuide(): string[] {
  const guide = readFileSync(new URL('../../docs/operating/monitoring.md', import.meta.url), 'utf8');
  return [...guide.matchAll(/^\| (`leads_.*?) \|/gm)].flatMap(([, row = '']) => namesIn(row));
}

function namesInDashboard(): string[] {
  return JSON.parse(readFileSync(dashboard, 'utf8')).panels.flatMap(
    ({ targets = [] }: { targets?: { expr: string }[] }) => targets.flatMap(({ expr }) => namesIn(expr)),
  );
}

test('the dashboard and the guide include every metric, and together with the alerts no others', async () => {
  const existing = await seriesOfServer();
  const inGuide = namesInGuide();
  const used = [
    ...namesInDashboard(),
    ...[...readFileSync(alerts, 'utf8').matchAll(/expr: (?:>-\n)?((?:.|\n {10,})+)/g)].flatMap(
      ([, expression = '']) => namesIn(expression),
    ),
    ...inGuide.filter((name) => !existing.has(`${name}_bucket`)),
  ];
  expect(used.length).toBeGreaterThan(25);
  // A counter without an event has no series, and some values have none while they describe nothing.
  const withoutSeries = new Set([
    'leads_store_errors_total',
    'leads_withdrawal_attempts_total',
    'leads_screening_requests_total',
    'leads_results_total',
    'leads_result_reports_total',
    'leads_not_permitted',
    'leads_registry_age_seconds',
    'leads_registry_max_age_seconds',
    'leads_last_backup_timestamp_seconds',
    'leads_last_result_timestamp_seconds',
    'leads_webhook_waiting',
    'leads_webhook_oldest_waiting_seconds',
  ]);
  expect([...new Set(used)].filter((name) => !existing.has(name) && !withoutSeries.has(name))).toEqual([]);
  const histogram = /_(?:bucket|sum|count)$/;
  const own = new Set(
    [...existing].filter((name) => name.startsWith('leads_')).map((name) => name.replace(histogram, '')),
  );
  expect(own.size).toBeGreaterThan(12);
  const inDashboard = namesInDashboard().map((name) => name.replace(histogram, ''));
  expect([...own].filter((name) => !inDashboard.includes(name))).toEqual([]);
  expect([...own].filter((name) => !inGuide.includes(name))).toEqual([]);
});

test('the metrics port allows a hundred connections, and a new one replaces an idle one', async () => {
  const { metricsUrl, metrics } = await startObservedServer({});
  let closed = 0;
  const sockets = Array.from({ length: 120 }, () =>
    openRaw({ url: new URL(metricsUrl).origin, key: '' })
      .resume()
      .on('close', () => {
        closed += 1;
      }),
  );
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await expect.poll(() => closed).toBe(20);
  expect(await metrics()).toContain('leads_ready 1');
});

test('serves metrics on their own port only', async () => {
  const { target, metricsUrl } = await startObservedServer({});
  expect((await fetch(`${target.url}/metrics`)).status).toBe(404);
  expect((await fetch(new URL('/lead/add', metricsUrl))).status).toBe(404);
});
