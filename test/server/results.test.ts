/** Diallers report the results of calls on a port of their own, each with a secret that opens no more than it must. */
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { resultUrls } from '../../src/app/result-urls.ts';
import { startResultsServer } from '../../src/app/results-server.ts';
import type { ReceivedReport } from '../../src/telemetry/metrics/result-metrics.ts';
import { webhookBody } from '../harness/contract.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { deliverDue, leadsIn } from '../harness/server.ts';
import { requestDispoCallUrl, requestNoAgentCallUrl } from '../harness/vicidial-results.ts';
import { openStore, seeded } from '../store/stores.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const earlier = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const mobile = '+447840258823';
const call = { call_id: 'V1231230431000000009', talk_time: '42' };

const environment = {
  RESULTS_PORT: '0',
  RESULTS_SECRET: `${secret} ${earlier}`,
  RESULT_CODES: '{"PU": null, "SOLD": "converted"}',
  DIALLER: 'vicidial',
  DIALLER_URL: 'http://vicidial.example',
  DIALLER_USER: 'leadsapi',
  DIALLER_PASSWORD: 'correct horse',
  DIALLER_LISTS:
    '{"motor": 1001, "other (it’s); $x": {"list": 1001, "subtypes": {"valeter": 1002}}, "home": 1003}',
};

/** Starts a server for results with a dialled lead. */
async function start(changes: Record<string, string> = {}) {
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id));
  await deliverDue(store);
  const [lead] = await leadsIn(store);
  const { log, lines } = recordingLog();
  const reports: ReceivedReport[] = [];
  const config = await readConfig({ ...environment, ...changes });
  const server = await startResultsServer(config, store, log, (report) => reports.push(report));
  if (server === undefined) throw new Error('RESULTS_PORT is off.');
  onTestFinished(() => server.stop());
  const url = `http://127.0.0.1:${server.port}`;
  const urlsOf = (list: string, of = secret) => {
    const found = config.dialler?.lists?.find((each) => each.list === list);
    if (found === undefined) throw new Error(`There is no list ${list}.`);
    return resultUrls(url, of, found);
  };
  const leadId = lead?.id ?? '';
  const stored = () => Array.fromAsync(store.callResults(mobile));
  return {
    store,
    url,
    urlsOf,
    leadId,
    values: { ...call, vendor_lead_code: leadId },
    lines,
    reports,
    stored,
  };
}

async function receipt(response: Response) {
  return { status: response.status, body: await response.json() };
}

describe('VICIdial', () => {
  test('reports calls under the URLs of their list, also if another type of the list has an unusual name', async () => {
    const { urlsOf, values, stored, reports, lines, leadId } = await start();
    const { dispoCallUrl, noAgentCallUrl, types } = urlsOf('1001');
    expect(types).toEqual(['motor', 'other (it’s); $x']);
    const dispo = await receipt(await requestDispoCallUrl(dispoCallUrl, { ...values, dispo: 'NI' }));
    expect(dispo).toEqual({ status: 200, body: { outcome: 'recorded' } });
    const other = { ...values, call_id: 'V1231230931000000009', status: 'AA' };
    await requestNoAgentCallUrl(noAgentCallUrl, other);
    const repeated = await receipt(await requestNoAgentCallUrl(noAgentCallUrl, other));
    expect(repeated.body).toEqual({ outcome: 'repeated' });
    expect(await stored()).toMatchObject([
      { leadId, callId: call.call_id, code: 'NI', result: 'not-interested', talkTime: 42 },
      { leadId, callId: other.call_id, code: 'AA', result: 'machine', talkTime: null },
    ]);
    expect(reports.map(({ outcome, stored: result }) => [outcome, result?.result])).toEqual([
      ['recorded', 'not-interested'],
      ['recorded', 'machine'],
      ['repeated', undefined],
    ]);
    expect(JSON.stringify(lines)).not.toContain(new URL(dispoCallUrl.slice(3)).searchParams.get('secret'));
  });

  test('applies RESULT_CODES, and keeps codes that have no result', async () => {
    const { urlsOf, values, stored } = await start();
    const { dispoCallUrl } = urlsOf('1001');
    for (const dispo of ['PU', 'SOLD', 'XYZ'])
      await requestDispoCallUrl(dispoCallUrl, { ...values, call_id: dispo, dispo });
    expect((await stored()).map(({ code, result }) => [code, result]).toSorted()).toEqual([
      ['PU', null],
      ['SOLD', 'converted'],
      ['XYZ', null],
    ]);
  });

  test('accepts URLs of a secret that is being replaced, and none of another secret, list or type', async () => {
    const { urlsOf, values, stored, reports } = await start();
    const dispo = { ...values, dispo: 'NI' };
    const { dispoCallUrl } = urlsOf('1001');
    const wrong = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    for (const url of [
      urlsOf('1001', wrong).dispoCallUrl,
      dispoCallUrl.replace('list=1001', 'list=1002'),
      dispoCallUrl.replace('types=motor', 'types=motor,home'),
      dispoCallUrl.replace(/secret=[^&]+&/, ''),
    ]) {
      expect((await receipt(await requestDispoCallUrl(url, dispo))).status, url).toBe(401);
    }
    const otherList = await receipt(await requestDispoCallUrl(urlsOf('1003').dispoCallUrl, dispo));
    expect(otherList).toEqual({ status: 200, body: { outcome: 'unknown-lead' } });
    expect(reports.at(-1)?.outcome).toBe('other-type');
    expect(await stored()).toEqual([]);
    const replaced = await receipt(await requestDispoCallUrl(urlsOf('1001', earlier).dispoCallUrl, dispo));
    expect(replaced.body).toEqual({ outcome: 'recorded' });
  });

  test('a list without leads of its own any more reports on the types of its URL', async () => {
    const { urlsOf } = await start();
    const moved = await start({ DIALLER_LISTS: '{"motor": 2001, "home": 1001}' });
    const url = urlsOf('1001').dispoCallUrl.replace(/http:\/\/[^/]+/, moved.url);
    const values = { ...moved.values, dispo: 'NI' };
    expect((await receipt(await requestDispoCallUrl(url, values))).body).toEqual({ outcome: 'recorded' });
  });

  test('responds to leads that it has from elsewhere, and to invalid reports', async () => {
    const { urlsOf, values, stored } = await start();
    const { dispoCallUrl } = urlsOf('1001');
    for (const vendor_lead_code of ['', 'somebody’s own code', '01k83s0kq3m4hn7c2v1a']) {
      const sent = { ...values, vendor_lead_code, dispo: 'DNC' };
      const { status, body } = await receipt(await requestDispoCallUrl(dispoCallUrl, sent));
      expect([status, body]).toEqual([200, { outcome: 'unknown-lead' }]);
    }
    for (const changes of [{ call_id: '' }, { call_id: 'x'.repeat(101) }, { dispo: '' }]) {
      const sent = { ...values, dispo: 'NI', ...changes };
      expect((await requestDispoCallUrl(dispoCallUrl, sent)).status).toBe(400);
    }
    expect(await stored()).toEqual([]);
  });

  test('do-not-call enters the number in the do-not-call list, where a correction leaves it', async () => {
    const { store, urlsOf, values, lines } = await start();
    const { dispoCallUrl } = urlsOf('1001');
    await requestDispoCallUrl(dispoCallUrl, { ...values, dispo: 'DNC' });
    expect(await store.suppressionsOf(mobile)).toMatchObject([{ source: 'dialler', sourceId: 'vicidial' }]);
    await requestDispoCallUrl(dispoCallUrl, { ...values, dispo: 'NI' });
    expect(await store.suppressionsOf(mobile)).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('stays in the do-not-call list');
  });
});

describe('a webhook', () => {
  const event = { ...Object(webhookBody('leadResult').examples['lead-result']?.value) };

  /** Sends a report. @param age of its signature (ms) */
  function report(url: string, body: unknown, { signedWith = secret, age = 0 } = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const at = new Date(Date.now() - age);
    const headers = {
      'webhook-id': 'id',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(signedWith).sign('id', at, text),
    };
    return fetch(`${url}/results`, { method: 'POST', headers, body: text });
  }

  test('reports a result, with either secret', async () => {
    const { url, leadId, stored } = await start();
    const body = { ...event, data: { ...event.data, lead_id: leadId } };
    expect(await receipt(await report(url, body))).toEqual({ status: 200, body: { outcome: 'recorded' } });
    const again = await receipt(await report(url, body, { signedWith: earlier }));
    expect(again.body).toEqual({ outcome: 'repeated' });
    expect(await stored()).toMatchObject([
      {
        code: 'not-interested',
        result: 'not-interested',
        calledAt: Date.parse(event.data.called_at),
        talkTime: 42,
      },
    ]);
  });

  test('is refused if its signature, its time or its body is not valid', async () => {
    const { url, leadId, stored } = await start();
    const body = { ...event, data: { ...event.data, lead_id: leadId } };
    const wrong = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    expect((await report(url, body, { signedWith: wrong })).status).toBe(401);
    expect((await report(url, body, { age: 400_000 })).status).toBe(401);
    expect((await fetch(`${url}/results`, { method: 'POST', body: '{}' })).status).toBe(401);
    expect((await report(url, 'no JSON')).status).toBe(400);
    expect((await report(url, { ...body, data: { ...body.data, talk_time: -1 } })).status).toBe(400);
    expect((await report(url, `"${'x'.repeat(20_000)}"`)).status).toBe(413);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    expect(await stored()).toEqual([]);
  });
});

test('RESULTS_PORT needs a secret and a port of its own, and RESULT_CODES known results', async () => {
  const { RESULTS_SECRET: _, ...withoutSecret } = environment;
  await expect(readConfig(withoutSecret)).rejects.toThrow('RESULTS_SECRET is missing');
  await expect(readConfig({ ...environment, RESULTS_SECRET: 'whsec_AAAA' })).rejects.toThrow(
    'RESULTS_SECRET must be',
  );
  await expect(readConfig({ ...environment, PORT: '3001', RESULTS_PORT: '3001' })).rejects.toThrow(
    'RESULTS_PORT and PORT are both 3001.',
  );
  for (const RESULT_CODES of ['{"NI": "unknown"}', '[]', 'no JSON'])
    await expect(readConfig({ ...environment, RESULT_CODES })).rejects.toThrow('RESULT_CODES must be JSON');
  expect((await readConfig({ RESULTS_SECRET: secret })).results).toBeUndefined();
});
