/**
 * Where the time of a lead goes within the server, step by step and each by itself, and what the same step took by
 * the way that it is not gone. HTTP is not among them: it is what `npm run bench` has for Hono.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { OpenAPIValidator } from 'openapi-backend';
import { pino } from 'pino';
import { readContract } from '../src/contract/document.ts';
import { readJson } from '../src/contract/json.ts';
import { Reply } from '../src/contract/reply.ts';
import { validators } from '../src/contract/validation.ts';
import { contractAjv } from '../src/contract/vocabulary.ts';
import { createPost, readText } from '../src/delivery/diallers/http-client.ts';
import { phoneParsers } from '../src/leads/phone.ts';
import { newSubmission } from '../src/leads/submission.ts';
import { digestOf } from '../src/partners/key.ts';
import { newRequestId, respond } from '../src/server/respond.ts';
import { openStore } from '../src/store/open.ts';
import { requestLog } from '../src/telemetry/requests.ts';
import { sqliteStore } from './deployment.ts';
import { scattered } from './phone-numbers.ts';
import { machine, start } from './processes.ts';
import { printTable } from './table.ts';

/** How often each step is made; a half of it before, so that it is compiled. */
const times = 100_000;

let people = 0;

/** Numbers that were not read before, as those of a real day. */
function nextMobile(): string {
  people += 1;
  return `078${scattered(people)}`;
}

/** Microseconds a call. */
async function took(step: () => unknown, count = times): Promise<number> {
  for (let call = 0; call < count / 2; call += 1) await step();
  const begun = performance.now();
  for (let call = 0; call < count; call += 1) await step();
  return ((performance.now() - begun) * 1_000) / count;
}

// It puts Hono's own Response in the place of the global one, as in the server.
getRequestListener(() => new Response());
const accepted = Reply.withHeaders<'addLead'>()(200, 'accepted', { saved: true, processed: true });
const dueAt = Date.now();

const readers = phoneParsers('GB');
const { parse: parsePhone } = readers;
const contract = readContract();
const addLead = contract.operations.find(({ id }) => id === 'addLead');
if (addLead === undefined) throw new Error('openapi.yaml has no addLead.');
const validate = validators(contract, readers)(addLead);
const whole = new OpenAPIValidator({
  definition: contract.document,
  customizeAjv: () => contractAjv(readers),
  lazyCompileValidators: true,
});
const headers = { 'content-type': 'application/json' };
const bodyOf = (mobile: string) => ({
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile,
  type: 'motor-trade',
  delays: 86_400,
  data: '{"vehicle_make":"Ford"}',
});
const bytes = Buffer.from(JSON.stringify(bodyOf('07840258823')));

const furnished = await sqliteStore();
const store = await openStore(furnished.url);
const digest = digestOf(furnished.key);
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const turn = await took(nextTurn, 20_000);

/** A commit for so many, as under load. */
const batch = 64;

/** A commit takes no more. */
const maxBatchSize = 500;

async function addBatch(leads: number): Promise<void> {
  const content = bytes.toString();
  const each = Array.from({ length: leads }, () => {
    const mobile = `+44${nextMobile().slice(1)}`;
    const lead = { partnerId: furnished.partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
    return store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
  });
  await Promise.all(each);
}

/** Milliseconds to write and sync as much as a commit does: a page for each lead, and some that all share. */
async function syncAlone(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const file = openSync(join(directory, 'log'), 'w');
  const pages = Buffer.alloc((batch + 10) * 4_096, 1);
  const sync = promisify(fdatasync);
  const microseconds = await took(() => {
    writeSync(file, pages, 0, pages.length, 0);
    return sync(file);
  }, 500);
  closeSync(file);
  rmSync(directory, { recursive: true });
  return microseconds / 1_000;
}

/** So many leads are under way to the dialler at once. */
const delivered = 100;
const receiver = await start('bench/receiver.ts', {}, 'any');
const receiverUrl = new URL(receiver.address);
const post = createPost({ concurrency: delivered, timeout: 10_000 });
const request = () => ({ headers, body: bytes.toString(), signal: AbortSignal.timeout(10_000) });

async function postBatch(): Promise<void> {
  const each = Array.from({ length: delivered }, async () => {
    const posted = await post(receiverUrl, request());
    if ('response' in posted) await readText(posted.response);
  });
  await Promise.all(each);
}

async function fetchBatch(): Promise<void> {
  const each = Array.from({ length: delivered }, async () => {
    await (await fetch(receiverUrl, { method: 'POST', redirect: 'manual', ...request() })).text();
  });
  await Promise.all(each);
}

const silent = { write() {} };
const tell = requestLog(pino({ base: null }, silent));

const rows: [step: string, here: number, otherwise?: [way: string, microseconds: number]][] = [
  ['JSON', await took(() => readJson(bytes))],
  [
    'key',
    await took(() => store.keyHolder(digestOf(furnished.key))),
    [
      'looked up for each request',
      (await took(async () => {
        await nextTurn();
        await store.keyHolder(digest);
      }, 20_000)) - turn,
    ],
  ],
  [
    'validation, with the phone number',
    await took(() => validate({ query: {}, headers, body: bodyOf(nextMobile()) })),
    [
      'openapi-backend’s validateRequest',
      await took(() =>
        whole.validateRequest(
          { method: 'POST', path: '/lead/add', query: {}, headers, body: bodyOf(nextMobile()) },
          'addLead',
        ),
      ),
    ],
  ],
  [
    'phone number alone',
    await took(() => parsePhone(nextMobile())),
    [
      'libphonenumber-js',
      await took(() => parsePhoneNumberFromString(nextMobile(), { defaultCountry: 'GB' })?.isValid()),
    ],
  ],
  [`queue and commit, synced, ${batch} together`, (await took(() => addBatch(batch), 500)) / batch],
  [
    `queue and commit, synced, ${maxBatchSize} together`,
    (await took(() => addBatch(maxBatchSize), 60)) / maxBatchSize,
  ],
  [
    'reply',
    await took(() => {
      const headers = { 'Lead-Id': '01k83s0kq3m4hn7c2v1a', 'Lead-Due': new Date(dueAt).toISOString() };
      // The cast: the server sends the replies of all operations alike.
      return respond(accepted(headers) as Reply, newRequestId());
    }),
  ],
  [
    'line of the log',
    await took(() =>
      tell({
        requestId: newRequestId(),
        operation: 'addLead',
        partner: 'bench',
        outcome: 'accepted',
        status: 200,
        milliseconds: 3.14,
      }),
    ),
  ],
  [
    'request to a dialler, 100 under way',
    (await took(postBatch, 100)) / delivered,
    ['fetch', (await took(fetchBatch, 100)) / delivered],
  ],
];
const sync = await syncAlone();
await receiver.stop();
await store.close();
await furnished.remove();

process.stdout.write(`${machine()}\n\n`);
printTable(
  ['step', 'µs', 'by another way', 'µs'],
  rows.map(([step, here, otherwise]) => [
    step,
    here.toFixed(1),
    otherwise?.[0] ?? '',
    otherwise?.[1].toFixed(1) ?? '',
  ]),
);
process.stdout.write(
  `\nAs much as ${batch} leads take, written and synced by itself: ${sync.toFixed(2)} ms\n`,
);
