/** A webhook receiver gets each lead when it is due, can verify the sender, and can recognise a repeat. */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import type { Store } from '../../src/store/store.ts';
import { webhookBody } from '../harness/contract.ts';
import { dispatch, limits, secret, until, untilAll, untilQueried, webhookTo } from '../harness/dispatch.ts';
import { skipWithout } from '../harness/process.ts';
import { accept, type Behaviour, listening, respondWith, startReceiver } from '../harness/receiver.ts';
import { cancel, leadsIn } from '../harness/server.ts';
import { openStore, seeded } from '../store/stores.ts';

/** Creates a store with one due lead, and returns what its partner sent. */
async function withDueLead(delays = 0) {
  const submitted = {
    email: 'john.doe@test.com',
    first_name: 'John',
    surname: 'Doe',
    mobile: '07840258823',
    type: 'motor',
  };
  const { store, first, from } = await seeded(openStore());
  await store.submit(from(first.id, { delays, content: JSON.stringify(submitted) }));
  return { store, first, from, submitted };
}

/** Returns the number of attempts of each lead, including those in flight, the newest lead first. */
async function attemptsOf(store: Store): Promise<number[]> {
  return (await leadsIn(store)).map(({ attempts }) => attempts);
}

test('sends a due lead as the contract specifies, with a valid signature', async () => {
  const { store, submitted } = await withDueLead();
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url));
  const [lead] = await untilAll(store, 'dialled');
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  const event = new Webhook(secret).verify(body, headers);
  const { schema } = webhookBody('leadDue');
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
  expect(event).toMatchObject({
    type: 'lead.due',
    data: { id: lead?.id, mobile: '+447840258823', submitted },
  });
  expect(headers['webhook-id']).toBe(lead?.id);
  expect(receiver.received).toHaveLength(1);
});

test.each([
  ['leadDue', 'lead-due'],
  ['leadWithdraw', 'lead-withdraw'],
  ['leadEvent', 'dialled'],
  ['leadEvent', 'result'],
])('the example of the webhook %s (%s) is valid against its schema', (webhook, example) => {
  const { schema, examples } = webhookBody(webhook);
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  expect(validate(examples[example]?.value), JSON.stringify(validate.errors)).toBe(true);
});

test('signs with both secrets while one is being replaced', async () => {
  const { store } = await withDueLead();
  const next = `whsec_${Buffer.alloc(24, 'next').toString('base64')}`;
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url, `${secret} ${next}`));
  await untilAll(store, 'dialled');
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  for (const each of [secret, next]) expect(new Webhook(each).verify(body, headers)).toBeTruthy();
});

test('delivers a lead when it is due, not earlier', async () => {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
  const { store, first, from } = await withDueLead(600);
  const receiver = await startReceiver();
  const received = () => receiver.received.map(({ body }) => JSON.parse(body).data.mobile);
  dispatch(store, webhookTo(receiver.url));
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await until(() => expect(received()).toEqual(['+447840258824']));
  vi.setSystemTime(now + 599_999);
  await untilQueried(store, 'nextAttemptAt');
  expect(await attemptsOf(store)).toEqual([1, 0]);
  vi.setSystemTime(now + 600_000);
  await untilAll(store, 'dialled');
  expect(received()).toEqual(['+447840258824', '+447840258823']);
});

test('delivers a lead once the receiver is back after more than five attempts', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver();
  await receiver.close();
  dispatch(store, webhookTo(receiver.url), { retrySchedule: Array(20).fill(1) });
  await expect.poll(async () => (await leadsIn(store))[0]?.attempts).toBeGreaterThan(4);
  const back = await startReceiver(accept, Number(new URL(receiver.url).port));
  await untilAll(store, 'dialled');
  expect(back.received).toHaveLength(1);
  const attempts = await Array.fromAsync(store.attempts('+447840258823'));
  expect(attempts[0]).toMatchObject({ outcome: 'unavailable', response: 'no response (ECONNREFUSED)' });
  expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered', response: 'HTTP 204' });
});

test.each([
  ['500', respondWith(500), 'unknown', 'HTTP 500'],
  ['503', respondWith(503), 'unavailable', 'HTTP 503'],
  ['502', respondWith(502), 'unknown', 'HTTP 502'],
  ['504', respondWith(504), 'unknown', 'HTTP 504'],
  [
    '401',
    respondWith(401),
    'unavailable',
    'HTTP 401 (check DIALLER_SECRET, and the clocks: they may differ by up to five minutes)',
  ],
  ['403', respondWith(403), 'unavailable', 'HTTP 403'],
  ['404, while it is being set up', respondWith(404), 'unavailable', 'HTTP 404'],
  ['408', respondWith(408), 'unavailable', 'HTTP 408'],
  ['425', respondWith(425), 'unavailable', 'HTTP 425'],
  ['429', respondWith(429), 'unavailable', 'HTTP 429'],
  [
    'half a response',
    ((_received, outgoing) => void outgoing.socket?.end('HTTP/1.1 20')) satisfies Behaviour,
    'unknown',
    'connection closed without a response',
  ],
  [
    'garbage',
    ((_received, outgoing) => void outgoing.socket?.end('\u0000garbage\r\n\r\n')) satisfies Behaviour,
    'unknown',
    /^no response \(/,
  ],
  [
    'nothing and closes the connection',
    ((_received, outgoing) => void outgoing.destroy()) satisfies Behaviour,
    'unknown',
    'connection closed without a response',
  ],
])('retries with the same id after the receiver sends %s', async (_what, behave, outcome, message) => {
  const { store } = await withDueLead();
  const receiver = await startReceiver(behave);
  const firstTwo: Behaviour = (...of) => (receiver.received.length < 3 ? behave : accept)(...of);
  receiver.behave = firstTwo;
  dispatch(store, webhookTo(receiver.url));
  await untilAll(store, 'dialled');
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(receiver.received).toHaveLength(3);
  const [first] = await Array.fromAsync(store.attempts('+447840258823'));
  expect(first).toMatchObject({
    outcome,
    response: typeof message === 'string' ? message : expect.stringMatching(message),
  });
});

test('a response after the timeout leads to a repeat, never to a lost lead', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver();
  let respondToFirst = () => {};
  receiver.behave = (received, outgoing, incoming) => {
    if (receiver.received.length > 1) respondToFirst();
    if (receiver.received.length > 1) accept(received, outgoing, incoming);
    else respondToFirst = () => accept(received, outgoing, incoming);
  };
  dispatch(store, webhookTo(receiver.url), { timeout: 200 });
  await untilAll(store, 'dialled');
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  const attempts = await Array.fromAsync(store.attempts('+447840258823'));
  // On a busy machine further attempts may time out.
  expect(attempts[0]).toMatchObject({ outcome: 'unknown', response: 'no response in time' });
  expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered', response: 'HTTP 204' });
});

test('a 2xx status delivers the lead even if the body breaks off', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver((_received, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': '100' }).write('half', () => outgoing.destroy());
  });
  dispatch(store, webhookTo(receiver.url));
  await untilAll(store, 'dialled');
  expect(receiver.received).toHaveLength(1);
});

test.each([
  ['in seconds', () => '600'],
  ['as a date', () => new Date(Date.now() + 600_000).toUTCString()],
])('Retry-After %s delays every lead', async (_how, retryAfter) => {
  const { store, first, from } = await withDueLead();
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  const receiver = await startReceiver((...of) => respondWith(429, { 'Retry-After': retryAfter() })(...of));
  const dispatcher = dispatch(store, webhookTo(receiver.url));
  await until(() => expect(dispatcher.status().state).toBe('waiting'));
  const [, seconds] = /in (\d+) s\./.exec(dispatcher.status().reason ?? '') ?? [];
  // The minute is for a busy machine.
  expect(Number(seconds)).toBeGreaterThan(540);
  expect(Number(seconds)).toBeLessThanOrEqual(600);
  await untilQueried(store, 'pauses');
  expect(await attemptsOf(store)).toEqual([0, 1]);
});

test.each([400, 402, 405, 409, 413, 422])(
  'status %i fails the lead immediately, and other leads are delivered',
  async (status) => {
    const { store, first, from } = await withDueLead();
    const receiver = await startReceiver((received, outgoing) => {
      outgoing.writeHead(received.body.includes('+447840258823') ? status : 204).end();
    });
    dispatch(store, webhookTo(receiver.url));
    await untilAll(store, 'failed');
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await untilAll(store, 'failed', 'dialled');
    expect((await leadsIn(store)).map(({ state, lastResponse }) => [state, lastResponse])).toEqual([
      ['dialled', 'HTTP 204'],
      ['failed', `HTTP ${status}`],
    ]);
  },
);

test('a lead without attempts left fails, and `leads lead retry` sends it again', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver(respondWith(503));
  dispatch(store, webhookTo(receiver.url), { retrySchedule: [1, 1] });
  const [lead] = await untilAll(store, 'failed');
  expect(lead).toMatchObject({ attempts: 3, lastResponse: 'HTTP 503' });
  receiver.behave = accept;
  await store.retryLead(lead?.id ?? '');
  await untilAll(store, 'dialled');
});

test('410 pauses delivery until an operator resumes it, and loses no lead', async () => {
  const { store, first, from } = await withDueLead();
  const receiver = await startReceiver(respondWith(410));
  const dispatcher = dispatch(store, webhookTo(receiver.url));
  await expect
    .poll(() => dispatcher.status())
    .toMatchObject({ state: 'paused', reason: expect.stringContaining('410') });
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await untilQueried(store, 'pauses');
  expect(await attemptsOf(store)).toEqual([0, 1]);
  expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'scheduled']);
  receiver.behave = accept;
  await store.resumeDelivery(undefined);
  await untilAll(store, 'dialled');
});

test.each([300, 301, 302, 303, 304, 307, 308])(
  'after %i the receiver may have the lead: it cannot be cancelled, and delivery is paused once',
  async (status) => {
    const { store, first, from } = await withDueLead();
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const target = await startReceiver();
    const receiver = await startReceiver(respondWith(status, { Location: target.url }));
    const dispatcher = dispatch(store, webhookTo(receiver.url));
    await until(async () => expect(await store.pauses()).toHaveLength(1));
    expect(dispatcher.status()).toMatchObject({ state: 'paused' });
    await dispatcher.stop();
    expect(await store.pauses()).toMatchObject([
      { type: undefined, by: 'dialler', reason: expect.stringMatching(`HTTP ${status}.*set DIALLER_URL`) },
    ]);
    expect((await store.pauses())[0]?.reason).not.toContain(target.url);
    expect([receiver.received.length, target.received.length]).toEqual([1, 0]);
    const [sent] = await Array.fromAsync(store.attempts('+447840258823'));
    expect(sent).toMatchObject({ outcome: 'unknown', response: `HTTP ${status}` });
    const cancelFor = (mobile: string) => cancel(store, { partnerId: first.id, type: 'motor', mobile });
    expect(await cancelFor('+447840258823')).toMatchObject({ outcome: 'already-processed' });
    expect(await cancelFor('+447840258824')).toMatchObject({ outcome: 'cancelled' });
  },
);

test('a receiver that stalls after the status occupies no more connections than leads in flight', async () => {
  const { store, first, from, submitted } = await withDueLead();
  const content = JSON.stringify(submitted);
  for (let index = 10; index < 22; index += 1)
    await store.submit(from(first.id, { mobile: `+4478402599${index}`, content }));
  const receiver = await startReceiver((_received, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': '100' }).write('half');
  });
  const dispatcher = dispatch(store, webhookTo(receiver.url), { concurrency: 3, timeout: 300 });
  await untilAll(store, 'dialled');
  await dispatcher.stop();
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(13);
  // The receiver may notice the end of a connection after the start of the next.
  expect(receiver.maxConcurrency).toBeLessThanOrEqual(6);
});

test('records the status before the body ends, and stops without waiting for it', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver((_received, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': '100' }).write('half');
    outgoing.once('close', () => ended());
  });
  let ended = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const dispatcher = dispatch(store, webhookTo(receiver.url), { timeout: 600_000 });
  await untilAll(store, 'dialled');
  await dispatcher.stop();
  await closed;
});

test('reads an endless body up to the maximum size; the status decides the outcome', async () => {
  const { store } = await withDueLead();
  let sent = 0;
  let ended = () => {};
  const closed = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const receiver = await startReceiver((_received, outgoing) => {
    outgoing.writeHead(200);
    const chunk = Buffer.alloc(65_536);
    const flood = () => {
      while (!outgoing.destroyed && outgoing.write(chunk)) sent += chunk.length;
    };
    outgoing.on('drain', flood).once('close', () => ended());
    flood();
  });
  dispatch(store, webhookTo(receiver.url), { timeout: 600_000 });
  await closed;
  await untilAll(store, 'dialled');
  // Everything beyond 1 MiB was already in flight.
  expect(sent).toBeLessThan(16 * 1_048_576);
});

test('reports a receiver without TLS as unavailable, because it cannot have the lead', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url.replace('http:', 'https:')), { retrySchedule: [] });
  const [lead] = await untilAll(store, 'failed');
  const [sent] = await Array.fromAsync(store.attempts('+447840258823'));
  expect(sent).toMatchObject({
    outcome: 'unavailable',
    response: expect.stringMatching(/^no response \(ERR_SSL_/),
  });
  expect(lead?.attempts).toBe(1);
});

test('sends nothing to a server with an untrusted certificate', async (context) => {
  skipWithout(context, ['openssl', 'version']);
  const certificate = execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout - -out -'.split(
      ' ',
    ),
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let requests = 0;
  const impostor = createServer({ key: certificate, cert: certificate }, (_incoming, outgoing) => {
    requests += 1;
    outgoing.writeHead(204).end();
  });
  const port = await listening(impostor);
  const { store } = await withDueLead();
  dispatch(store, webhookTo(`https://127.0.0.1:${port}`), { retrySchedule: [] });
  await untilAll(store, 'failed');
  const [sent] = await Array.fromAsync(store.attempts('+447840258823'));
  expect(sent).toMatchObject({
    outcome: 'unavailable',
    response: 'no response (DEPTH_ZERO_SELF_SIGNED_CERT)',
  });
  expect(requests).toBe(0);
});

test('a connection that cannot be established times out within the attempt, so the lead was certainly not sent', async () => {
  const port = await listening(createTcpServer());
  const environment = { DIALLER_URL: `https://127.0.0.1:${port}`, DIALLER_SECRET: secret };
  const { store } = await withDueLead();
  // The timers of undici have a resolution of one second.
  dispatch(store, createWebhook(environment, { ...limits, timeout: 1_000 }), {
    timeout: 20_000,
    retrySchedule: [],
  });
  await untilAll(store, 'failed');
  const [sent] = await Array.fromAsync(store.attempts('+447840258823'));
  expect(sent).toMatchObject({ outcome: 'unavailable', response: 'no response (UND_ERR_CONNECT_TIMEOUT)' });
});

test.each(['/leads/in?source=ours', '/'])('requests the path and query of DIALLER_URL: %s', async (path) => {
  const { store } = await withDueLead();
  const paths: (string | undefined)[] = [];
  const receiver = await startReceiver((received, outgoing, incoming) => {
    paths.push(incoming.url);
    accept(received, outgoing, incoming);
  });
  dispatch(store, webhookTo(new URL(path, receiver.url).href));
  await untilAll(store, 'dialled');
  expect(paths).toEqual([path]);
});

test.each([
  [
    { DIALLER_URL: 'ftp://receiver', DIALLER_SECRET: secret },
    /^DIALLER_URL must be a URL that starts with https/,
  ],
  [
    { DIALLER_URL: 'https://leads:c2hvcnQ@receiver.test', DIALLER_SECRET: secret },
    /^DIALLER_URL must be a URL .* no user or password/,
  ],
  [
    { DIALLER_URL: 'https://receiver.test', DIALLER_SECRET: 'whsec_c2hvcnQ=' },
    /^DIALLER_SECRET must be whsec_ followed by 24 to 64/,
  ],
  [{ DIALLER_URL: 'https://receiver.test' }, /^DIALLER_SECRET is missing: the secret that signs/],
])('rejects %o without repeating a secret', (environment, message) => {
  expect(() => createWebhook(environment, limits)).toThrow(message);
  expect(() => createWebhook(environment, limits)).not.toThrow(/c2hvcnQ/);
});
