/** Alerts page people: each fires when its condition lasts, not before, and alone. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
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
}

const requests = (labels: string) => `leads_requests_total{instance="one",${labels}}`;
const attempts = (outcome: string) => `leads_delivery_attempts_total{dialler="webhook",outcome="${outcome}"}`;
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
    firing: 13,
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
    firing: 11,
  },
  {
    alert: 'LeadsClockSkew',
    series: {
      'leads_clock_skew_seconds{instance="one"}': '0x60',
      'leads_clock_skew_seconds{instance="two"}': '0x4 -2x50',
    },
    firing: 10,
  },
  {
    alert: 'LeadsLogLinesDropped',
    series: { 'leads_log_lines_dropped_total{instance="one"}': '0x9 7x30' },
    firing: 10,
  },
  { alert: 'LeadsFailed', series: { 'leads_by_state{state="failed"}': '1x60' }, firing: 30 },
  { alert: 'LeadsUndecided', series: { leads_undecided: '1x60' }, firing: 30 },
  {
    alert: 'LeadsHeld',
    series: { 'leads_by_state{state="held"}': '0x4 2x60' },
    firing: 35,
  },
  {
    alert: 'LeadsBackupOld',
    // The test begins at 0 s, so the backup is 26 hours old after 1,560 minutes.
    series: { leads_last_backup_timestamp_seconds: '0x1600' },
    firing: 1_571,
  },
  { alert: 'LeadsBackupMissing', series: { 'leads_ready{instance="one"}': '1x1600' }, firing: 1_560 },
  { alert: 'LeadsTooLate', series: { leads_too_late_total: '0x9 1x30' }, firing: 10 },
  {
    alert: 'LeadsUnknownType',
    series: {
      [requests('operation="addLead",outcome="unknown-type",status="200",replayed="false"')]: '0x9 1x30',
    },
    firing: 10,
  },
  {
    alert: 'LeadsInvalidKeys',
    series: { [requests('outcome="unauthorized",status="401"')]: '0+120x60' },
    firing: 16,
  },
  {
    alert: 'LeadsSlow',
    series: { [duration('1')]: '0+9x60', [duration('2.5')]: '0+10x60', [duration('+Inf')]: '0+10x60' },
    firing: 11,
  },
];

/** Returns promtool's test of a scenario. */
function unitTest({ alert, series, firing }: Scenario) {
  const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      { expr, eval_time: `${firing - 1}m`, exp_samples: [] },
      { expr, eval_time: `${firing}m`, exp_samples: [{ labels: `{alertname="${alert}"}`, value: 1 }] },
    ],
  };
}

test('promtool accepts the alerts', (context) => {
  skipWithout(context, ['promtool', '--version']);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', alerts]);
  expect({ status, output: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
});

test('every alert has a scenario', () => {
  const names = [...readFileSync(alerts, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  expect(scenarios.map(({ alert }) => alert)).toEqual(names);
});

test.for(scenarios)(
  '$alert fires after its condition has lasted, and no other alert does',
  (scenario, context) => {
    skipWithout(context, ['promtool', '--version']);
    const directory = temporaryDirectory();
    copyFileSync(alerts, join(directory, 'alerts.yml'));
    const file = join(directory, 'test.yml');
    // JSON is YAML.
    writeFileSync(
      file,
      JSON.stringify({ rule_files: ['alerts.yml'], evaluation_interval: '1m', tests: [unitTest(scenario)] }),
    );
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file]);
    expect({ status, output: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
  },
);
