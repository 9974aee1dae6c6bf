/**
 * Logs, metrics and traces contain no personal data and no secrets: every path is exercised with marked values, none of
 * which may appear in any output.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { resultUrls } from '../../src/app/result-urls.ts';
import type { OperationId } from '../../src/contract/reply.ts';
import { diallers } from '../../src/delivery/diallers.ts';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { openStore } from '../../src/store/open.ts';
import { post, send, sendRaw, type Target } from '../harness/client.ts';
import { operationIds, requestValue } from '../harness/contract.ts';
import { exampleEnvironment } from '../harness/diallers.ts';
import { type ObservedServer, startObservedServer } from '../harness/observed-server.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { startReceiver } from '../harness/receiver.ts';
import { breakStore, temporaryDirectory } from '../harness/server.ts';
import { VicidialStandIn } from '../harness/vicidial.ts';

/** Values that occur nowhere else in the output of a server. */
const person = {
  first_name: 'Markedforename',
  surname: 'Markedsurname',
  email: 'marked.address@marked.example',
  mobile: '07840 191919',
  other_phone: '020 7946 0919',
  type: 'motor-trade',
  subtype: 'markedsubtype',
  data: '{"marked_member":"markeddetail"}',
};
const secrets = { secret: Buffer.alloc(32, 'marked!').toString('base64'), password: 'markedpassword' };

/** Matches the values, including every form of the phone numbers. */
const marked = [/marked/i, /191 ?919/, /7946 ?0919/, new RegExp(secrets.secret.slice(0, 20))];

function lead(changes: object = {}) {
  return { ...person, ...changes };
}

/** What a test waits for, and the faults that it causes. */
interface Situation {
  /** Waits for the first attempt. */
  delivered(): Promise<void>;
  /** Makes the dialler refuse the server's password, and waits for the attempt after that. */
  refusePassword(): Promise<void>;
  /** Makes every later request fail. */
  breakDown(): Promise<void>;
}

/** Causes everything that partners, unauthenticated clients and faults can cause. */
async function exerciseEveryPath(
  target: Target,
  { delivered, refusePassword, breakDown }: Situation,
): Promise<void> {
  const headers = { 'Idempotency-Key': 'markedidempotency' };
  await send(target, 'addLead', { body: lead(), headers });
  // A cancelled lead may never be attempted.
  await delivered();
  await send(target, 'addLead', { body: lead(), headers });
  await send(target, 'addLead', { body: lead({ surname: 'Markedother' }), headers });
  await post(target, 'addLead', lead());
  await post(target, 'addLead', lead({ type: 'markedtype' }));
  await post(target, 'addLead', lead({ mobile: '07840 191918', delays: 600, test: true }));
  await post(target, 'addLead', lead({ email: 'marked@', mobile: '191919', markedfield: 'marked' }));
  await send(target, 'addLead', { text: '{"surname":"Markedsurname",}' });
  await send(target, 'addLead', { query: { markedparameter: 'marked' }, body: lead() });
  await post(target, 'leadStatus', { mobile: person.mobile, type: person.type });
  await post(target, 'leadEvents', {});
  await post(target, 'leadEvents', { after: 'marked', limit: 'marked' });
  await post(target, 'cancelLead', { mobile: person.mobile, type: person.type });
  await post(target, 'addLead', lead({ mobile: '07840 191916', delays: 600 }));
  await post(target, 'cancelLead', { mobile: '07840 191916', type: person.type });
  await post(target, 'addLeads', {
    leads: [
      { ref: 'marked1', ...lead({ mobile: '07840 191913', delays: 600 }) },
      { ref: 'marked2', ...lead({ email: 'marked@', mobile: '191919' }) },
      'marked',
    ],
  });
  for (const id of operationIds()) await post({ ...target, key: 'leads_markedwrongkey' }, id, lead());
  await send(target, 'addLead', { path: `/lead/marked?key=${target.key}` });
  await send(target, 'addLead', { headers: { 'Content-Type': 'marked/marked' }, body: lead() });
  await sendRaw(target, `POST /lead/add?key=${target.key} HTTP/1.1\r\nMarked: a\r\nMarked header\r\n\r\n`);
  await sendRaw(target, `GET /marked HTTP/1.1\r\nHost: a\r\nMarked: ${'marked'.repeat(4_000)}\r\n\r\n`);
  await fetch(`${target.url}/readyz`);
  await refusePassword();
  await breakDown();
  for (const id of operationIds()) {
    expect((await post(target, id, validBody(id))).status, id).toBe(500);
  }
}

/** Sends reports of results: with a secret that is not valid, of a lead that does not exist, and with an invalid body. */
async function sendReports(url: string): Promise<void> {
  const list = { list: '999', types: ['markedtype'] };
  const { dispoCallUrl } = resultUrls(url, `whsec_${secrets.secret}`, list);
  const reported = dispoCallUrl
    .slice('VAR'.length)
    .replace('--A--vendor_lead_code--B--', '01k83s0kq3m4hn7c2v1a')
    .replace('--A--call_id--B--', 'C1')
    .replace('--A--dispo--B--', 'NI');
  expect(await (await fetch(reported)).json()).toEqual({ outcome: 'unknown-lead' });
  const refused = reported.replace(/secret=[^&]*/, 'secret=markedsecret');
  expect((await fetch(refused)).status).toBe(401);
  const body = JSON.stringify({ markedmember: 'marked', mobile: person.mobile });
  const at = new Date();
  const headers = (secret: string) => ({
    'webhook-id': 'id',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign('id', at, body),
  });
  const post = async (secret: string) =>
    (await fetch(`${url}/results`, { method: 'POST', body, headers: headers(secret) })).status;
  expect(await post(`whsec_${secrets.secret}`)).toBe(400);
  expect(await post(`whsec_${Buffer.alloc(32, 'another').toString('base64')}`)).toBe(401);
}

/** Returns the body of a valid request of an operation about the person, or about another to add. */
function validBody(id: OperationId): object {
  const added = lead({ mobile: '07840 191917' });
  if (id === 'addLead') return added;
  if (id === 'addLeads') return { leads: [{ ref: 'marked', ...added }] };
  if (id === 'leadEvents') return {};
  if (id === 'leadReport') return requestValue(id, 'by-type');
  return { mobile: person.mobile, type: person.type };
}

/** Returns everything that operators of the machine and of the collectors can see. */
async function visibleOutput(
  { child, target, metrics, metricsUrl, output }: ObservedServer,
  traces: () => string,
): Promise<string[]> {
  const process = `/proc/${child.pid}/`;
  const read = (file: string) => readFileSync(process + file, 'latin1');
  const parts = [
    await metrics(),
    await (await fetch(`${target.url}/readyz`)).text(),
    await (await fetch(new URL('/status', metricsUrl))).text(),
    read('comm'),
    read('cmdline'),
  ];
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('close', resolve));
  return [...parts, output(), traces()];
}

const stores = [
  {
    name: 'SQLite',
    open: async () => {
      const file = join(temporaryDirectory(), 'leads.db');
      return { url: `sqlite:${file}`, breakDown: async () => breakStore(file) };
    },
  },
  {
    name: 'PostgreSQL',
    open: async () => {
      const url = await emptyDatabase();
      const tables = ['lead', 'partner_event'].map((name) => `ALTER TABLE ${name} RENAME TO damaged_${name}`);
      const breakDown = async () => void (await asAdministrator(url, tables.join(';')));
      return { url, breakDown };
    },
  },
];

describe.each(stores)('$name', ({ open }) => {
  test.each(Object.keys(diallers))(
    'reveals no secret and no personal data, with the dialler %s',
    async (dialler) => {
      const { url, breakDown } = await open();
      const key = newKey();
      const store = await openStore(url);
      await store.addType('motor-trade', null);
      await store.addPartner('acme', ['motor-trade']);
      await store.addKey('acme', 'key', digestOf(key));
      await store.close();

      const collector = await startReceiver((_received, outgoing) => void outgoing.writeHead(200).end());
      // A receiver that repeats the request in its error response, as many do.
      const receiver = await startReceiver(
        ({ body, headers }, outgoing) =>
          void outgoing.writeHead(500, headers).end(`${body} ${JSON.stringify(headers)}`),
      );
      const standIn = new VicidialStandIn();
      standIn.password = secrets.password;
      const vicidial = await startReceiver(standIn.behave);
      const { url: receiverUrl } = dialler === 'vicidial' ? vicidial : receiver;
      const watched = await startObservedServer({
        DATABASE_URL: url,
        BOOTSTRAP: 'off',
        LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '50',
        RESULTS_PORT: '0',
        RESULTS_SECRET: `whsec_${secrets.secret}`,
        ...exampleEnvironment(dialler, { url: receiverUrl, ...secrets }),
      });
      const [, results = ''] = /results of calls are received at (\S+)\./i.exec(watched.output()) ?? [];
      const delivered = () => expect.poll(watched.metrics).toContain('leads_delivery_attempts_total{');
      const target = { ...watched.target, key };
      const refusePassword = async () => {
        if (dialler !== 'vicidial') return;
        standIn.password = 'another';
        await post(target, 'addLead', lead({ mobile: '07840 191915' }));
        await expect.poll(watched.output).toContain('Login incorrect');
      };
      await sendReports(results);
      await exerciseEveryPath(target, { delivered, refusePassword, breakDown });
      const parts = await visibleOutput(watched, () => collector.received.map(({ body }) => body).join('\n'));
      expect(parts.every((part) => part.length > 0)).toBe(true);
      const all = parts.join('\n');
      expect(all).toContain('A request failed.');
      expect(all).toContain('deliver');
      for (const pattern of [...marked, new RegExp(key)]) {
        expect(all.split('\n').filter((line) => pattern.test(line))).toEqual([]);
      }
    },
  );
});
