/** Partners act on events, so each must arrive at least once, and one partner's receiver must not affect another's. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { createWebhookClient } from '../../../src/delivery/partner-webhooks/webhook-client.ts';
import {
  maxInFlightPerPartner,
  WebhookSender,
  type WebhookSenderOptions,
} from '../../../src/delivery/partner-webhooks/webhook-sender.ts';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import type { Store } from '../../../src/store/store.ts';
import { webhookBody } from '../../harness/contract.ts';
import { accept, holdRequests, type Received, respondWith, startReceiver } from '../../harness/receiver.ts';
import { recordingLog } from '../../harness/recording-log.ts';
import { deliverDue } from '../../harness/server.ts';
import { openStore, seeded } from '../../store/stores.ts';

const keys = StoreKeys.parse('ab'.repeat(32), 'the test');
const salt = { salt: 'salt', keyId: keys.current.id };

/** Adds leads of a partner and delivers them. */
async function addEvents(
  { store, from }: Pick<Awaited<ReturnType<typeof seeded>>, 'store' | 'from'>,
  partnerId: number,
  count: number,
) {
  for (let n = 0; n < count; n += 1)
    await store.submit(from(partnerId, { mobile: `+447840${partnerId}${10_000 + n}` }));
  await deliverDue(store);
}

/** Starts a sender that repeats failed attempts at once. */
function startSender(store: Store, changes: Partial<WebhookSenderOptions> = {}) {
  const { log, lines } = recordingLog();
  const sender = new WebhookSender({
    store,
    keys,
    send: createWebhookClient({ isAllowed: () => true }, maxInFlightPerPartner),
    log,
    pollInterval: 5,
    retrySchedule: [1, 1],
    ...changes,
  });
  onTestFinished(() => sender.stop());
  return { sender, lines };
}

const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id']);

test('sends each event once, as the contract specifies, signed, in the order in which they happened', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 3);
  startSender(all.store);
  await expect.poll(() => receiver.received.length).toBe(3);
  const webhook = new Webhook(keys.current.webhookSecret('salt'));
  const events = receiver.received.map(({ body, headers }) => Object(webhook.verify(body, headers)));
  expect(idsOf(receiver.received)).toEqual(events.map(({ id }) => id));
  const read = await all.store.partnerEvents({ partnerId: all.first.id, after: undefined, limit: 10 });
  expect(events.map(({ id }) => id)).toEqual(read?.events.map(({ id }) => id));
  expect(events[0]).toMatchObject({ type: 'lead.dialled', data: { type: 'motor', state: 'dialled' } });
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
    webhookBody('leadEvent').schema,
  );
  for (const event of events) expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
  expect(JSON.stringify(events)).not.toContain('7840');
  await expect.poll(async () => (await all.store.webhooks())[0]?.waiting).toBe(0);
});

test('signs with the replaced secret too', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await all.store.rotateWebhook('first', { ...salt, salt: 'next' }, Date.now() + 60_000);
  await addEvents(all, all.first.id, 1);
  startSender(all.store);
  await expect.poll(() => receiver.received.length).toBe(1);
  const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
  for (const each of ['salt', 'next'])
    expect(() => new Webhook(keys.current.webhookSecret(each)).verify(body, headers)).not.toThrow();
});

test('repeats a failed event under its id until the receiver accepts it, or no attempt is left', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver(respondWith(503));
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 1);
  const { lines } = startSender(all.store);
  await expect.poll(() => receiver.received.length, { timeout: 10_000 }).toBe(3);
  await expect.poll(async () => (await all.store.webhooks())[0]).toMatchObject({ waiting: 0, failed: 1 });
  expect(new Set(idsOf(receiver.received)).size).toBe(1);
  const attempts = await all.store.webhookAttempts('first', 10);
  expect(attempts.map(({ outcome, response }) => [outcome, response])).toEqual(
    Array(3).fill(['failed', 'HTTP 503']),
  );
  receiver.behave = accept;
  await all.store.resendEvents('first', undefined);
  await expect.poll(() => receiver.received.length, { timeout: 10_000 }).toBe(4);
  const messages = () => lines.map(({ msg }) => msg);
  await expect
    .poll(messages)
    .toEqual([
      'The webhook of a partner does not accept events; they are sent again later.',
      'The webhook of a partner accepts events again.',
    ]);
});

test('a receiver that does not respond delays no other partner, and gets a limited number of events', async () => {
  const all = await seeded(openStore());
  const held = holdRequests(accept);
  const [dead, alive] = [await startReceiver(held.hold), await startReceiver()];
  await all.store.setWebhook('first', dead.url, salt);
  await all.store.setWebhook('second', alive.url, salt);
  await addEvents(all, all.first.id, 40);
  await addEvents(all, all.second.id, 20);
  startSender(all.store);
  await expect.poll(() => alive.received.length).toBe(20);
  // One at a time, until one was accepted.
  expect(dead.received).toHaveLength(1);
  held.release();
  await expect.poll(() => dead.received.length).toBe(40);
  expect(dead.maxConcurrency).toBeLessThanOrEqual(maxInFlightPerPartner);
});

test('an event whose sender was lost is sent again under its id when its lease has ended', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 1);
  const terms = { partnerId: all.first.id, claim: 'lost', limit: 1 };
  const [lost] = await all.store.claimEvents({ ...terms, lease: -1 });
  startSender(all.store);
  await expect.poll(() => idsOf(receiver.received)).toEqual([lost?.id]);
});

test('two senders share the events of a store', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 30);
  for (let n = 0; n < 2; n += 1) startSender(all.store);
  await expect.poll(async () => (await all.store.webhooks())[0]?.waiting).toBe(0);
  expect(receiver.received).toHaveLength(30);
  expect(new Set(idsOf(receiver.received)).size).toBe(30);
});

test('sends nothing without the key of the store, and reports it once', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 1);
  const { sender, lines } = startSender(all.store, { keys: undefined });
  await expect.poll(() => lines.length).toBe(1);
  await sender.stop();
  expect(lines).toMatchObject([{ level: 'error', partner: 'first' }]);
  expect(receiver.received).toEqual([]);
});

test('goes on when the store has failed', async () => {
  const all = await seeded(openStore());
  const receiver = await startReceiver();
  await all.store.setWebhook('first', receiver.url, salt);
  await addEvents(all, all.first.id, 1);
  let failures = 0;
  const dueWebhooks = async () => {
    failures += 1;
    if (failures === 1) throw new Error('a fault');
    return all.store.dueWebhooks();
  };
  const { lines } = startSender({ ...all.store, dueWebhooks });
  await expect.poll(() => receiver.received.length).toBe(1);
  expect(lines[0]).toMatchObject({ msg: 'The events for partners could not be read; this is retried.' });
});
