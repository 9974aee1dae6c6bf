/** A call centre's receiver gets each lead at its time, can trust that it is ours, and can drop a repeat. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { readContract } from '../../src/contract/document.ts';
import { createWebhook } from '../../src/dialler/webhook.ts';
import { dispatch, secret, untilAll, webhookTo } from '../harness/dispatch.ts';
import { type Behaviour, startReceiver, take } from '../harness/receiver.ts';
import { leadsIn } from '../harness/server.ts';
import { furnished, openStore } from '../store/stores.ts';

/** A store with one lead that is due, and what its partner sent. */
async function withDueLead(delays = 0) {
  const submitted = {
    email: 'john.doe@test.com',
    first_name: 'John',
    surname: 'Doe',
    mobile: '07840258823',
    type: 'motor',
  };
  const { store, first, from } = await furnished(openStore());
  await store.submit(from(first.id, { delays, content: JSON.stringify(submitted) }));
  return { store, first, from, submitted };
}

const answer =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_received, outgoing) =>
    void outgoing.writeHead(status, headers).end();

test('a due lead is sent as the contract says, signed with the standard’s own library', async () => {
  const { store, submitted } = await withDueLead();
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url));
  const [lead] = await untilAll(store, 'dialled');
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  const event = new Webhook(secret).verify(body, headers);
  const { webhooks } = JSON.parse(readContract().json);
  const { schema } = webhooks.leadDue.post.requestBody.content['application/json'];
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
  expect(event).toMatchObject({
    type: 'lead.due',
    data: { id: lead?.id, mobile: '+447840258823', submitted },
  });
  expect(headers['webhook-id']).toBe(lead?.id);
  expect(receiver.received).toHaveLength(1);
});

test('the example of the contract keeps the contract', () => {
  const { webhooks } = JSON.parse(readContract().json);
  const { schema, examples } = webhooks.leadDue.post.requestBody.content['application/json'];
  expect(
    new Ajv2020({ strict: false, validateFormats: false }).compile(schema)(examples['lead-due'].value),
  ).toBe(true);
});

test('while a secret is replaced either of the two verifies', async () => {
  const { store } = await withDueLead();
  const next = `whsec_${Buffer.alloc(24, 'next').toString('base64')}`;
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url, `${secret} ${next}`));
  await untilAll(store, 'dialled');
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  for (const each of [secret, next]) expect(new Webhook(each).verify(body, headers)).toBeTruthy();
});

test('a lead is handed over within a second of its time, and not before it', async () => {
  const { store, first, from } = await withDueLead(2);
  const receiver = await startReceiver();
  const arrivals: number[] = [];
  receiver.behave = (received, outgoing, incoming) => {
    arrivals.push(Date.now());
    take(received, outgoing, incoming);
  };
  dispatch(store, webhookTo(receiver.url));
  const [later] = await leadsIn(store);
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await untilAll(store, 'dialled');
  expect(receiver.received.map(({ body }) => JSON.parse(body).data.mobile)).toEqual([
    '+447840258824',
    '+447840258823',
  ]);
  expect(arrivals[1]).toBeGreaterThanOrEqual(later?.dueAt ?? 0);
  expect(arrivals[1]).toBeLessThan((later?.dueAt ?? 0) + 1_000);
});

test('a receiver that is down for longer than five tries loses nothing', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver();
  await receiver.close();
  dispatch(store, webhookTo(receiver.url), { pauses: Array(20).fill(1) });
  await expect.poll(async () => (await leadsIn(store))[0]?.tries, { timeout: 20_000 }).toBeGreaterThan(4);
  const back = await startReceiver(take, Number(new URL(receiver.url).port));
  await untilAll(store, 'dialled');
  expect(back.received).toHaveLength(1);
  const tries = await Array.fromAsync(store.tries('+447840258823'));
  expect(tries[0]).toMatchObject({ outcome: 'unavailable', answer: 'no answer (ECONNREFUSED)' });
  expect(tries.at(-1)).toMatchObject({ outcome: 'taken', answer: 'HTTP 204' });
});

test.each([
  ['500', answer(500), 'unknown', 'HTTP 500'],
  ['503', answer(503), 'unavailable', 'HTTP 503'],
  ['404, since it is being set up', answer(404), 'unavailable', 'HTTP 404'],
  ['a redirect', answer(302, { Location: 'http://127.0.0.1:1/' }), 'unavailable', 'HTTP 302'],
  ['429', answer(429), 'unavailable', 'HTTP 429'],
  [
    'half an answer',
    ((_received, outgoing) => void outgoing.socket?.end('HTTP/1.1 20')) satisfies Behaviour,
    'unknown',
    /^no answer \(/,
  ],
  [
    'garbage',
    ((_received, outgoing) => void outgoing.socket?.end('\u0000garbage\r\n\r\n')) satisfies Behaviour,
    'unknown',
    /^no answer \(/,
  ],
  [
    'nothing, closing',
    ((_received, outgoing) => void outgoing.destroy()) satisfies Behaviour,
    'unknown',
    /^no answer \(/,
  ],
])(
  'a receiver that answers %s is tried again, and told apart by the same id',
  async (_what, behave, outcome, said) => {
    const { store } = await withDueLead();
    const receiver = await startReceiver(behave);
    const firstTwo: Behaviour = (...of) => (receiver.received.length < 3 ? behave : take)(...of);
    receiver.behave = firstTwo;
    dispatch(store, webhookTo(receiver.url));
    await untilAll(store, 'dialled');
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(receiver.received).toHaveLength(3);
    const [first] = await Array.fromAsync(store.tries('+447840258823'));
    expect(first).toMatchObject({
      outcome,
      answer: typeof said === 'string' ? said : expect.stringMatching(said),
    });
  },
);

test('an answer that comes after the time-out is a repeat for the receiver, and never a lost lead', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver();
  receiver.behave = (received, outgoing, incoming) => {
    if (receiver.received.length > 1) take(received, outgoing, incoming);
    else setTimeout(() => take(received, outgoing, incoming), 400);
  };
  dispatch(store, webhookTo(receiver.url), { timeout: 200 });
  await untilAll(store, 'dialled');
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toHaveLength(2);
  const tries = await Array.fromAsync(store.tries('+447840258823'));
  expect(tries.map(({ outcome, answer }) => [outcome, answer])).toEqual([
    ['unknown', 'no answer in time'],
    ['taken', 'HTTP 204'],
  ]);
});

test('a 2xx takes the lead, however its body ends', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver((_received, outgoing) => {
    outgoing.writeHead(200, { 'Content-Length': '100' }).write('half');
    setTimeout(() => outgoing.destroy(), 20);
  });
  dispatch(store, webhookTo(receiver.url));
  await untilAll(store, 'dialled');
  expect(receiver.received).toHaveLength(1);
});

test('Retry-After is honoured by every lead, in seconds and as a date', async () => {
  for (const written of [() => '2', () => new Date(Date.now() + 2_000).toUTCString()]) {
    const { store, first, from } = await withDueLead();
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const receiver = await startReceiver();
    const at: number[] = [];
    receiver.behave = (received, outgoing, incoming) => {
      at.push(Date.now());
      if (at.length === 1) outgoing.writeHead(429, { 'Retry-After': written() }).end();
      else take(received, outgoing, incoming);
    };
    dispatch(store, webhookTo(receiver.url));
    await untilAll(store, 'dialled');
    // As a date it has whole seconds, so up to one of the two is cut off.
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(written() === '2' ? 1_990 : 900);
  }
});

test('a lead that is refused for good has failed at once, and others go on', async () => {
  const { store, first, from } = await withDueLead();
  const receiver = await startReceiver((received, outgoing) => {
    outgoing.writeHead(received.body.includes('+447840258823') ? 422 : 204).end();
  });
  dispatch(store, webhookTo(receiver.url));
  await untilAll(store, 'failed');
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await untilAll(store, 'failed', 'dialled');
  expect((await leadsIn(store)).map(({ state, lastAnswer }) => [state, lastAnswer])).toEqual([
    ['dialled', 'HTTP 204'],
    ['failed', 'HTTP 422'],
  ]);
});

test('a lead that runs out of tries has failed, is kept, and is sent again when the operator says so', async () => {
  const { store } = await withDueLead();
  const receiver = await startReceiver(answer(503));
  dispatch(store, webhookTo(receiver.url), { pauses: [1, 1] });
  const [lead] = await untilAll(store, 'failed');
  expect(lead).toMatchObject({ tries: 3, lastAnswer: 'HTTP 503' });
  receiver.behave = take;
  await store.retry(lead?.id ?? '');
  await untilAll(store, 'dialled');
});

test('410 stops the hand-over until the operator has looked, and loses no lead', async () => {
  const { store, first, from } = await withDueLead();
  const receiver = await startReceiver(answer(410));
  const dispatcher = dispatch(store, webhookTo(receiver.url));
  await expect
    .poll(() => dispatcher.status())
    .toMatchObject({ state: 'stopped', reason: expect.stringContaining('410') });
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await dispatcher.stop();
  expect(receiver.received).toHaveLength(1);
  expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'scheduled']);
});

test.each([
  [
    { DIALLER_URL: 'ftp://receiver', DIALLER_SECRET: secret },
    /^DIALLER_URL should be an address that begins with https/,
  ],
  [
    { DIALLER_URL: 'https://leads:c2hvcnQ@receiver.test', DIALLER_SECRET: secret },
    /^DIALLER_URL should be an address .* without a user and a password/,
  ],
  [
    { DIALLER_URL: 'https://receiver.test', DIALLER_SECRET: 'whsec_c2hvcnQ=' },
    /^DIALLER_SECRET should be whsec_ and 24 to 64/,
  ],
  [{ DIALLER_URL: 'https://receiver.test' }, /^DIALLER_SECRET is missing: the secret that signs/],
])('%o is refused with a sentence that does not repeat a secret', (environment, message) => {
  expect(() => createWebhook(environment)).toThrow(message);
  expect(() => createWebhook(environment)).not.toThrow(/c2hvcnQ/);
});
