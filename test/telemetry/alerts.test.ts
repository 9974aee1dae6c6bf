/** Alerts page people: each fires when its condition lasts, not before, and alone. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { skipWithout } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';

const alerts = fileURLToPath(new URL('../../docs/alerts.yml', import.meta.url));

/** A condition, and when its alert fires. */
interface Scenario {
  alert: string;
  /** Time series with one value per minute, in the notation of promtool. */
  series: Record<string, string>;
  /** The first minute in which it fires. In the minute before, its condition has not lasted long enough. */
  firing: number;
  /** Interval between two evaluations of the rules (min); 1 if it is missing. */
  evaluationInterval?: number;
}

const requests = (labels: string) => `leads_requests_total{instance="one",${labels}}`;
const attempts = (outcome: string) => `leads_delivery_attempts_total{dialler="webhook",outcome="${outcome}"}`;
const accepted = (partner: string, instance = 'one') =>
  `leads_accepted_total{instance="${instance}",partner="${partner}"}`;
const objections = (partner: string) => `leads_objections_total{instance="one",partner="${partner}"}`;
const duration = (le: string) => `leads_request_duration_seconds_bucket{operation="addLead",le="${le}"}`;

/** `0x30` in promtool's notation is 0, 31 times; `0+6x60` rises by 6 each minute. */
const scenarios: Scenario[] = [
  { alert: 'LeadsServerDown', series: { 'up{job="leads"}': '1x9 0x30' }, firing: 11 },
  {
    alert: 'LeadsNotReady',
    series: { 'leads_ready{instance="one"}': '1x60', 'leads_ready{instance="two"}': '1x9 0x50' },
    firing: 11,
  },
  {
    alert: 'LeadsNotSaved',
    series: { [requests('outcome="server-error",status="500"')]: '0x9 0+1x30' },
    firing: 16,
  },
  {
    // A single request.
    alert: 'LeadsRequestFailed',
    series: { [requests('outcome="server-error",status="500"')]: '0x9 1x30' },
    firing: 20,
  },
  {
    alert: 'LeadsOverloaded',
    series: { [requests('outcome="overloaded",status="503"')]: '0x9 0+1x30' },
    firing: 16,
  },
  { alert: 'LeadsLate', series: { leads_oldest_due_seconds: '0+60x30' }, firing: 11 },
  {
    alert: 'LeadsDeliveryStopped',
    series: {
      'leads_delivery_state{instance="one",state="waiting"}': '0x60',
      'leads_delivery_state{instance="two",state="waiting"}': '0x4 1x50',
      'leads_delivery_state{instance="three",state="off"}': '1x60',
      leads_due: '1x60',
      leads_waiting_for_retry: '4x60',
    },
    firing: 15,
  },
  {
    alert: 'LeadsDeliveryPausedByDialler',
    series: { 'leads_delivery_paused{type="",by="dialler"}': '0x5 1x30' },
    firing: 6,
  },
  {
    alert: 'LeadsDeliveryPaused',
    series: { 'leads_delivery_paused{type="home",by="operator"}': '1x90' },
    firing: 60,
  },
  {
    alert: 'LeadsDeliveryFails',
    series: { [attempts('unavailable')]: '0+3x60', [attempts('delivered')]: '0+2x60' },
    firing: 14,
  },
  { alert: 'LeadsWaitForRetry', series: { leads_oldest_waiting_seconds: '0+60x60' }, firing: 36 },
  {
    alert: 'LeadsClockSkew',
    series: {
      'leads_clock_skew_seconds{instance="one"}': '0x60',
      'leads_clock_skew_seconds{instance="two"}': '0x4 -2x50',
    },
    firing: 10,
  },
  {
    alert: 'LeadsClockWrong',
    series: { 'leads_clock_skew_seconds{instance="one"}': '0x4 3600x50' },
    firing: 10,
  },
  {
    // With SQLite: the clock is an hour behind that of Prometheus.
    alert: 'LeadsClockWrong',
    series: {
      'leads_time_seconds{instance="one"}': '0+60x4 -3300+60x50',
      'leads_clock_skew_seconds{instance="one"}': '0x60',
    },
    firing: 10,
  },
  {
    alert: 'LeadsLogLinesDropped',
    series: { 'leads_log_lines_dropped_total{instance="one"}': '0x9 7x30' },
    firing: 10,
  },
  {
    alert: 'LeadsFailed',
    series: { 'leads_by_state{state="failed"}': '1x60', leads_undecided: '0x60' },
    firing: 30,
  },
  {
    alert: 'LeadsUndecided',
    series: { 'leads_by_state{state="failed"}': '1x60', leads_undecided: '1x60' },
    firing: 30,
  },
  { alert: 'LeadsNotWithdrawn', series: { leads_withdrawals_failed: '0x9 2x30' }, firing: 11 },
  {
    alert: 'LeadsRegistryOutdated',
    series: {
      'leads_registry_age_seconds{registry="tps"}': '2600000x9 2700000x30',
      'leads_registry_max_age_seconds{registry="tps"}': '3000000x8 2600000x30',
      'leads_registry_age_seconds{registry="dnc"}': '5x40',
      'leads_registry_max_age_seconds{registry="dnc"}': '600000x40',
    },
    firing: 11,
  },
  {
    alert: 'LeadsRegistryAging',
    series: {
      'leads_registry_age_seconds{registry="tps"}': '1000000x9 2500000x30',
      'leads_registry_max_age_seconds{registry="tps"}': '2600000x60',
    },
    firing: 11,
  },
  {
    alert: 'LeadsNotScreened',
    series: {
      'leads_not_permitted{waits_for="screening"}': '0x9 4x30',
      'leads_not_permitted{waits_for="calling-hours"}': '9x40',
    },
    firing: 15,
  },
  {
    alert: 'LeadWithdrawalsDelayed',
    series: { leads_oldest_withdrawal_seconds: '0+60x40' },
    firing: 21,
  },
  {
    alert: 'LeadsHeld',
    series: { 'leads_by_state{state="held"}': '0x4 2x60' },
    firing: 35,
  },
  {
    alert: 'LeadsBackupOld',
    // The test begins at 0 s, so the backup is 26 hours old after 1,560 minutes.
    series: { leads_last_backup_timestamp_seconds: '0x1600' },
    // `for: 10m` begins with the first evaluation after that.
    firing: 1_575,
    evaluationInterval: 5,
  },
  {
    alert: 'LeadsBackupMissing',
    series: { 'leads_ready{instance="one"}': '1x1600' },
    firing: 1_560,
    evaluationInterval: 5,
  },
  { alert: 'LeadsTooLate', series: { 'leads_too_late_total{cause="dial-within"}': '0x9 1x30' }, firing: 10 },
  {
    alert: 'LeadsUnknownType',
    series: {
      [requests('operation="addLead",outcome="unknown-type",status="200",replayed="false"')]: '0x9 1x30',
    },
    firing: 10,
  },
  {
    alert: 'LeadsTooManyObjections',
    series: { [requests('operation="doNotCall",outcome="too-many-objections",status="429"')]: '0x9 1x30' },
    firing: 10,
  },
  {
    // After four days, `acme` sends ten times its usual rate, through two servers. A small partner sends too few leads to
    // matter, and for one who began yesterday, nothing is usual.
    alert: 'LeadsSurge',
    series: {
      [accepted('acme')]: '0+1x5759 5764+5x120',
      [accepted('acme', 'two')]: '0+0x5759 5+5x120',
      [accepted('small')]: '0+0x5759 1+1x120',
      [accepted('new')]: '_x4299 0+1x100 110+10x1500',
    },
    firing: 5_780,
    evaluationInterval: 5,
  },
  {
    // `acme` has only sent leads before. `regular` sends as many objections at any time.
    alert: 'LeadsObjectionSurge',
    series: {
      [objections('acme')]: '0+0x5759 5+5x120',
      [objections('regular')]: '0+2x5880',
    },
    firing: 5_790,
    evaluationInterval: 15,
  },
  {
    alert: 'LeadsWebhookFails',
    series: {
      'leads_webhook_oldest_waiting_seconds{instance="one",partner="acme"}': '0x9 14400+60x50',
      'leads_webhook_oldest_waiting_seconds{instance="one",partner="other"}': '0x60',
    },
    firing: 26,
  },
  {
    alert: 'LeadsAllKeysInvalid',
    series: {
      [requests('operation="addLead",outcome="unauthorized",status="401"')]: '0x9 0+1x60',
      [requests('operation="addLead",outcome="accepted",status="200"')]: '5x80',
    },
    firing: 31,
  },
  {
    alert: 'LeadsInvalidKeys',
    series: { [requests('outcome="unauthorized",status="401"')]: '0+120x60' },
    firing: 16,
  },
  {
    alert: 'LeadsRejected',
    series: {
      [requests('operation="addLead",outcome="rate-limited",status="429"')]: '0x9 0+10x60',
      [requests('operation="addLead",outcome="accepted",status="200"')]: '0+5x80',
    },
    firing: 21,
  },
  {
    // A single report.
    alert: 'LeadsResultsRefused',
    series: { 'leads_result_reports_total{source="vicidial",outcome="unauthorized"}': '0x9 1x60' },
    firing: 10,
  },
  {
    alert: 'LeadsResultsMissing',
    series: {
      [attempts('delivered')]: '0+1x800',
      'leads_result_reports_total{source="vicidial",outcome="recorded"}': '0x800',
    },
    firing: 51,
  },
  {
    alert: 'LeadsResultsOfTypeMissing',
    series: {
      'leads_last_result_timestamp_seconds{type="silent"}': '-250000x200',
      'leads_last_result_timestamp_seconds{type="motor"}': '0+60x200',
    },
    firing: 184,
  },
  {
    alert: 'LeadsSlow',
    series: { [duration('1')]: '0+9x60', [duration('2.5')]: '0+10x60', [duration('+Inf')]: '0+10x60' },
    firing: 11,
  },
];

/** Situations in which an operator has nothing to do. */
const quiet: { situation: string; series: Record<string, string> }[] = [
  {
    situation: 'the attempts of two leads fail, and no other lead arrives',
    series: {
      'leads_delivery_state{instance="one",state="waiting"}': '1x80',
      leads_due: '0x80',
      leads_waiting_for_retry: '2x80',
      // After 5 s, 5 min, 30 min and so on.
      [attempts('unavailable')]: '2x0 4x4 6x29 8x45',
      [attempts('delivered')]: '7x80',
      leads_oldest_waiting_seconds: '0+20x80',
    },
  },
  {
    situation: 'a new partner sends many leads',
    series: { [accepted('acme')]: '0+0x19 0+20x60' },
  },
  {
    situation: 'a former partner sends invalid keys while another sends valid ones',
    series: {
      [requests('operation="addLead",outcome="unauthorized",status="401"')]: '0+1x80',
      [requests('operation="addLead",outcome="accepted",status="200"')]: '0+1x80',
    },
  },
];

const firingAlerts = 'count by (alertname) (ALERTS{alertstate="firing"})';

/** Returns promtool's test of a scenario. */
function unitTest({ alert, series, firing }: Scenario) {
  return {
    name: `${alert} fires in minute ${firing}.`,
    ...seriesOf(series),
    promql_expr_test: [
      { expr: firingAlerts, eval_time: `${firing - 1}m`, exp_samples: [] },
      {
        expr: firingAlerts,
        eval_time: `${firing}m`,
        exp_samples: [{ labels: `{alertname="${alert}"}`, value: 1 }],
      },
    ],
  };
}

function seriesOf(series: Record<string, string>) {
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
  };
}

/** Runs tests of promtool with rules. Returns its exit status and its output, which contains the names of failed tests. */
function runPromtool(rules: string, units: object[], evaluationInterval = 1) {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'alerts.yml'), rules);
  const file = join(directory, 'test.yml');
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      rule_files: ['alerts.yml'],
      evaluation_interval: `${evaluationInterval}m`,
      tests: units,
    }),
  );
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file]);
  return { status, output: `${stdout}${stderr}` };
}

test('promtool accepts the alerts', (context) => {
  skipWithout(context, ['promtool', '--version']);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', alerts]);
  expect({ status, output: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
});

test('every alert has a scenario', () => {
  const names = [...readFileSync(alerts, 'utf8').matchAll(/^ +- alert: (\w+)/gm)].map(([, name]) => name);
  expect([...new Set(scenarios.map(({ alert }) => alert))]).toEqual(names);
});

// One promtool for all: its start takes longer than its tests.
test('every alert fires after its condition has lasted, and no other alert does', (context) => {
  skipWithout(context, ['promtool', '--version']);
  const rules = readFileSync(alerts, 'utf8');
  for (const [interval, group] of Map.groupBy(scenarios, (scenario) => scenario.evaluationInterval)) {
    const finished = runPromtool(rules, group.map(unitTest), interval);
    expect(finished).toMatchObject({ status: 0 });
  }
}, 120_000);

test('no alert fires in a quiet situation', (context) => {
  skipWithout(context, ['promtool', '--version']);
  const minutes = Array.from({ length: 16 }, (_, index) => 5 * index);
  const units = quiet.map(({ situation, series }) => ({
    name: `No alert fires while ${situation}.`,
    ...seriesOf(series),
    promql_expr_test: minutes.map((minute) => {
      return { expr: firingAlerts, eval_time: `${minute}m`, exp_samples: [] };
    }),
  }));
  expect(runPromtool(readFileSync(alerts, 'utf8'), units)).toMatchObject({ status: 0 });
});

test('the example for too few leads fires within its hours, once its comment signs are removed', (context) => {
  skipWithout(context, ['promtool', '--version']);
  const [before = '', example = ''] = readFileSync(alerts, 'utf8').split(
    /(?=^ {6}# - alert: LeadsNoIntake)/m,
  );
  const rules = `${before}${example.replace(/^ {6}# /gm, '      ')}`;
  const accepted = requests('operation="addLead",outcome="accepted",status="200"');
  const unit = unitTest({ alert: 'LeadsNoIntake', series: { [accepted]: '5x800' }, firing: 610 });
  expect(runPromtool(rules, [unit])).toMatchObject({ status: 0 });
});

test('every alert names a section of a page', () => {
  const text = readFileSync(alerts, 'utf8');
  const pages = [...text.matchAll(/runbook: (\S+)#(\S+)$/gm)];
  expect(pages).toHaveLength(text.match(/- alert: /g)?.length ?? 0);
  for (const [all, page = '', anchor] of pages) {
    const file = fileURLToPath(new URL(`../../${page}`, import.meta.url));
    expect(existsSync(file), all).toBe(true);
    const anchors = [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(anchors, all).toContain(anchor);
  }
});
