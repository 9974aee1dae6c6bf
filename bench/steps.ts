/**
 * Measures each step of adding a lead by itself, next to the alternative that the server does not use. The cost of HTTP
 * is in the row of Hono of `npm run bench`.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { OpenAPIValidator } from 'openapi-backend';
import { pino } from 'pino';
import { readContract } from '../src/contract/contract.ts';
import { readJson } from '../src/contract/json.ts';
import { Reply } from '../src/contract/reply.ts';
import { validators } from '../src/contract/validation.ts';
import { contractAjv } from '../src/contract/vocabulary.ts';
import { createPost, readText } from '../src/delivery/diallers/http-client.ts';
import { phoneParsers } from '../src/leads/phone.ts';
import { digestOf } from '../src/partners/key.ts';
import { newRequestId, respond } from '../src/server/respond.ts';
import { openStore } from '../src/store/open.ts';
import { requestLog } from '../src/telemetry/requests.ts';
import { newSubmission } from '../test/harness/submissions.ts';
import { sqliteStore } from './deployment.ts';
import { scatteredDigits } from './phone-numbers.ts';
import { machine, start } from './processes.ts';
import { printTable } from './table.ts';

/** Number of measured calls of each step. Half as many precede them, so that V8 has compiled the step. */
const times = 100_000;

let people = 0;

/** Returns a number that was not parsed before. */
function nextMobile(): string {
  people += 1;
  return `078${scatteredDigits(people)}`;
}

/** Returns the duration of a call (µs). */
async function durationOf(step: () => unknown, count = times): Promise<number> {
  for (let call = 0; call < count / 2; call += 1) await step();
  const begun = performance.now();
  for (let call = 0; call < count; call += 1) await step();
  return ((performance.now() - begun) * 1_000) / count;
}

// Replaces the global Response by Hono's, as in the server.
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

const prepared = await sqliteStore();
const store = await openStore(prepared.url);
const digest = digestOf(prepared.key);
const nextTick = () => new Promise((resolve) => setImmediate(resolve));
const tick = await durationOf(nextTick, 20_000);

/** Number of writes that share a commit under load. */
const batch = 64;

/** Maximum number of writes of a commit. */
const maxBatchSize = 500;

async function addBatch(leads: number): Promise<void> {
  const content = bytes.toString();
  const each = Array.from({ length: leads }, () => {
    const mobile = `+44${nextMobile().slice(1)}`;
    const lead = { partnerId: prepared.partnerId, type: 'motor-trade', mobile, delays: 86_400, content };
    return store.submit(newSubmission({ receivedAt: Date.now(), ...lead }));
  });
  await Promise.all(each);
}

/** Returns the time to write and sync as many pages as a commit (ms). */
async function syncAlone(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const file = openSync(join(directory, 'log'), 'w');
  const pages = Buffer.alloc((batch + 10) * 4_096, 1);
  const sync = promisify(fdatasync);
  const microseconds = await durationOf(() => {
    writeSync(file, pages, 0, pages.length, 0);
    return sync(file);
  }, 500);
  closeSync(file);
  rmSync(directory, { recursive: true });
  return microseconds / 1_000;
}

/** Number of leads in flight to the dialler. */
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
const logRequest = requestLog(pino({ base: null }, silent));

const rows: [step: string, here: number, otherwise?: [way: string, microseconds: number]][] = [
  ['JSON', await durationOf(() => readJson(bytes))],
  [
    'key',
    await durationOf(() => store.keyHolder(digestOf(prepared.key))),
    [
      'look-up for each request',
      (await durationOf(async () => {
        await nextTick();
        await store.keyHolder(digest);
      }, 20_000)) - tick,
    ],
  ],
  [
    'validation, with the phone number',
    await durationOf(() => validate({ query: {}, headers, body: bodyOf(nextMobile()) })),
    [
      'openapi-backend’s validateRequest',
      await durationOf(() =>
        whole.validateRequest(
          { method: 'POST', path: '/lead/add', query: {}, headers, body: bodyOf(nextMobile()) },
          'addLead',
        ),
      ),
    ],
  ],
  [
    'phone number only',
    await durationOf(() => parsePhone(nextMobile())),
    [
      'libphonenumber-js',
      await durationOf(() => parsePhoneNumberFromString(nextMobile(), { defaultCountry: 'GB' })?.isValid()),
    ],
  ],
  [`commit of ${batch} leads, synced`, (await durationOf(() => addBatch(batch), 500)) / batch],
  [
    `commit of ${maxBatchSize} leads, synced`,
    (await durationOf(() => addBatch(maxBatchSize), 60)) / maxBatchSize,
  ],
  [
    'reply',
    await durationOf(() => {
      const headers = { 'Lead-Id': '01k83s0kq3m4hn7c2v1a', 'Lead-Due': new Date(dueAt).toISOString() };
      // The cast: the server sends the replies of all operations alike.
      return respond(accepted(headers) as Reply, newRequestId());
    }),
  ],
  [
    'log line',
    await durationOf(() =>
      logRequest({
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
    'request to the dialler, 100 in flight',
    (await durationOf(postBatch, 100)) / delivered,
    ['fetch', (await durationOf(fetchBatch, 100)) / delivered],
  ],
];
const sync = await syncAlone();
await receiver.stop();
await store.close();
await prepared.remove();

process.stdout.write(`${machine()}\n\n`);
printTable(
  ['step', 'µs per lead', 'alternative', 'µs per lead'],
  rows.map(([step, here, otherwise]) => [
    step,
    here.toFixed(1),
    otherwise?.[0] ?? '',
    otherwise?.[1].toFixed(1) ?? '',
  ]),
);
process.stdout.write(`\nWriting and syncing the pages of ${batch} leads takes ${sync.toFixed(2)} ms.\n`);
