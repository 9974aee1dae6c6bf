/** What the webhook dialler sends, and how it interprets each response, without a dispatcher. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { createWebhook } from '../../src/delivery/diallers/webhook.ts';
import { webhookBody } from '../harness/contract.ts';
import { limits, secret, webhookTo } from '../harness/dispatch.ts';
import { accept, startReceiver } from '../harness/receiver.ts';
import { claimedLead, claimedWithdrawal, noContext } from './claimed-lead.ts';

/** Delivers a lead to a receiver that responds with a status, and returns the result. */
async function resultOf(status: number, headers: Record<string, string> = {}) {
  const receiver = await startReceiver(
    (_received, outgoing) => void outgoing.writeHead(status, headers).end(),
  );
  const { connectionReleased, ...result } = await webhookTo(receiver.url).deliver(
    claimedLead(),
    AbortSignal.timeout(20_000),
    noContext,
  );
  await connectionReleased;
  return result;
}

test('posts JSON with the headers of Standard Webhooks', async () => {
  let method: string | undefined;
  const receiver = await startReceiver((received, outgoing, incoming) => {
    method = incoming.method;
    accept(received, outgoing, incoming);
  });
  const before = Math.floor(Date.now() / 1_000);
  const result = await webhookTo(receiver.url).deliver(claimedLead(), AbortSignal.timeout(20_000), noContext);
  expect(method).toBe('POST');
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'user-agent': 'leads-api',
    'webhook-id': claimedLead().id,
    'webhook-signature': expect.stringMatching(/^v1,[^ ]+$/),
  });
  expect(headers).not.toHaveProperty('traceparent');
  expect(Number(headers['webhook-timestamp'])).toBeGreaterThanOrEqual(before);
  expect(new Webhook(secret).verify(body, headers)).toStrictEqual({
    type: 'lead.due',
    timestamp: '1970-01-01T00:00:02.000Z',
    data: {
      id: claimedLead().id,
      partner: 'acme',
      type: 'motor',
      mobile: '+447840258823',
      accepted_at: '1970-01-01T00:00:01.000Z',
      due_at: '1970-01-01T00:00:02.000Z',
      submitted: JSON.parse(claimedLead().content),
    },
  });
  expect(result).toStrictEqual({
    outcome: 'delivered',
    response: 'HTTP 204',
    connectionReleased: expect.any(Promise),
  });
});

test('sends the expiry and the priority of a lead if it has them', async () => {
  const receiver = await startReceiver();
  const lead = claimedLead({}, { expiresAt: 3_000, priority: 7 });
  await webhookTo(receiver.url).deliver(lead, AbortSignal.timeout(20_000), noContext);
  expect(JSON.parse(receiver.received[0]?.body ?? '').data).toMatchObject({
    expires_at: '1970-01-01T00:00:03.000Z',
    priority: 7,
  });
});

test.each([
  ...[200, 201, 204, 299].map((status) => [status, 'delivered'] as const),
  ...[400, 402, 405, 409, 413, 422, 451, 499].map((status) => [status, 'rejected'] as const),
  ...[403, 404, 408, 425, 429, 503].map((status) => [status, 'unavailable'] as const),
  ...[500, 501, 502, 504, 599].map((status) => [status, 'unknown'] as const),
])('after status %i the lead is %s', async (status, outcome) => {
  expect(await resultOf(status)).toStrictEqual({ outcome, response: `HTTP ${status}` });
});

test('after status 401 the response states what to check', async () => {
  expect(await resultOf(401)).toStrictEqual({
    outcome: 'unavailable',
    response: 'HTTP 401 (check DIALLER_SECRET, and the clocks: they may differ by up to five minutes)',
  });
});

test.each([300, 301, 308, 399])('status %i pauses delivery', async (status) => {
  expect(await resultOf(status, { Location: 'https://elsewhere.test/' })).toStrictEqual({
    outcome: 'unknown',
    response: `HTTP ${status}`,
    pause: {
      reason: `the dialler responded with a redirect (HTTP ${status}), which is not followed; set DIALLER_URL to the URL that it redirects to`,
    },
  });
});

test('status 410 pauses delivery', async () => {
  expect(await resultOf(410)).toStrictEqual({
    outcome: 'unavailable',
    response: 'HTTP 410',
    pause: { reason: 'the receiver is gone permanently (HTTP 410)' },
  });
});

test.each([
  [429, 'unavailable'],
  [500, 'unknown'],
  [503, 'unavailable'],
])('respects Retry-After of status %i', async (status, outcome) => {
  expect(await resultOf(status, { 'Retry-After': '120' })).toStrictEqual({
    outcome,
    response: `HTTP ${status}`,
    retryAfter: 120_000,
  });
});

test('a rejection is final, so Retry-After does not delay other leads', async () => {
  expect(await resultOf(422, { 'Retry-After': '120' })).toStrictEqual({
    outcome: 'rejected',
    response: 'HTTP 422',
  });
});

test('signs with each secret, and a receiver needs only one of them', async () => {
  const receiver = await startReceiver();
  const secrets = [secret, secretOf(24)];
  await webhookTo(receiver.url, secrets.join(' ')).deliver(
    claimedLead(),
    AbortSignal.timeout(20_000),
    noContext,
  );
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  for (const each of secrets) expect(new Webhook(each).verify(body, headers)).toBeTruthy();
});

/** A secret of a number of random bytes. */
function secretOf(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 'leads').toString('base64')}`;
}

function createWith(secrets: string) {
  return createWebhook({ DIALLER_URL: 'https://receiver.test/', DIALLER_SECRET: secrets }, limits);
}

test.each([
  secretOf(24),
  secretOf(64),
  `${secretOf(24)} ${secretOf(64)}`,
  `  ${secretOf(24)}  ${secretOf(32)}\n`,
])('accepts the secrets %j', (secrets) => {
  expect(createWith(secrets).name).toBe('webhook');
});

test.each([
  '',
  ' ',
  secretOf(23),
  secretOf(65),
  secretOf(32).replace('whsec_', ''),
  secretOf(32).replace('whsec_', 'WHSEC_'),
  // base64url
  secretOf(32).replace('b', '-'),
  `${secretOf(32)} ${secretOf(23)}`,
  `${secretOf(23)} ${secretOf(32)}`,
])('rejects the secrets %j', (secrets) => {
  expect(() => createWith(secrets)).toThrow(
    'DIALLER_SECRET must be whsec_ followed by 24 to 64 random bytes in base64; separate several secrets with spaces',
  );
});

test('a missing variable is reported with its meaning', () => {
  expect(() => createWebhook({}, limits)).toThrow(
    [
      'DIALLER_URL is missing: the URL of the webhook receiver.',
      'DIALLER_SECRET is missing: the secret that signs the webhooks, whsec_ followed by 24 to 64 random bytes in base64.',
    ].join('\n'),
  );
});

describe('a withdrawal', () => {
  const on = { DIALLER_WITHDRAW: 'on' };

  /** Withdraws a lead from a receiver that responds with a status. */
  async function withdraw(status: number, headers: Record<string, string> = {}) {
    const receiver = await startReceiver(
      (_received, outgoing) => void outgoing.writeHead(status, headers).end(),
    );
    const dialler = webhookTo(receiver.url, secret, on);
    const result = await dialler.cancel?.(claimedWithdrawal(), AbortSignal.timeout(20_000));
    return { result, receiver, dialler };
  }

  test('is sent only to a receiver that handles it', () => {
    expect(webhookTo('https://receiver.test')).not.toHaveProperty('cancel');
    expect(webhookTo('https://receiver.test', secret, { DIALLER_WITHDRAW: 'off' })).not.toHaveProperty(
      'cancel',
    );
  });

  test('is signed, and has an id of its own, which is the same in every attempt', async () => {
    const { receiver, dialler } = await withdraw(204);
    await dialler.cancel?.(claimedWithdrawal({ attemptNumber: 2 }), AbortSignal.timeout(20_000));
    const [first, second] = receiver.received;
    if (first === undefined || second === undefined) throw new Error('The withdrawal was not sent twice.');
    const event = {
      type: 'lead.withdraw',
      timestamp: '1970-01-01T00:00:04.000Z',
      data: {
        id: claimedLead().id,
        partner: 'acme',
        type: 'motor',
        mobile: '+447840258823',
        cause: 'cancellation',
      },
    };
    expect(new Webhook(secret).verify(first.body, first.headers)).toStrictEqual(event);
    const { schema } = webhookBody('leadWithdraw');
    expect(new Ajv2020({ strict: false, validateFormats: false }).validate(schema, event)).toBe(true);
    expect(first.headers['webhook-id']).toBe(`withdraw_${claimedLead().id}_4000`);
    expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
  });

  test.each([
    [200, { outcome: 'withdrawn', response: 'HTTP 200' }],
    [204, { outcome: 'withdrawn', response: 'HTTP 204' }],
    [409, { outcome: 'too-late', response: 'HTTP 409' }],
    [400, { outcome: 'unavailable', response: 'HTTP 400', isOfLead: true }],
    [404, { outcome: 'unavailable', response: 'HTTP 404' }],
    [503, { outcome: 'unavailable', response: 'HTTP 503' }],
    [500, { outcome: 'unknown', response: 'HTTP 500' }],
  ])('with the status %i has its result', async (status, expected) => {
    expect((await withdraw(status)).result).toEqual(expected);
  });

  test('is retried no earlier than the receiver requests', async () => {
    expect((await withdraw(429, { 'Retry-After': '5' })).result).toMatchObject({
      outcome: 'unavailable',
      retryAfter: 5_000,
    });
  });

  test.each([
    [301, 'unknown'],
    [410, 'unavailable'],
  ])('with the status %i pauses delivery', async (status, outcome) => {
    expect((await withdraw(status)).result).toMatchObject({ outcome, pause: { reason: expect.any(String) } });
  });

  test('without a response is unknown', async () => {
    const receiver = await startReceiver((_received, outgoing) => void outgoing.destroy());
    const dialler = webhookTo(receiver.url, secret, on);
    expect(await dialler.cancel?.(claimedWithdrawal(), AbortSignal.timeout(20_000))).toEqual({
      outcome: 'unknown',
      response: 'connection closed without a response',
    });
  });

  test('ends when it is aborted, although the body of the response never ends', async () => {
    const receiver = await startReceiver((_received, outgoing) => void outgoing.writeHead(200).write('.'));
    const dialler = webhookTo(receiver.url, secret, on);
    const controller = new AbortController();
    expect(await dialler.cancel?.(claimedWithdrawal(), controller.signal)).toMatchObject({
      outcome: 'withdrawn',
    });
    controller.abort();
  });
});
