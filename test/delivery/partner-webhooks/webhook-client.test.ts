/** A partner chooses the URL of its webhook, so it must not lead into the operator's network, however it is written. */
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { isPublicAddress } from '../../../src/delivery/partner-webhooks/public-address.ts';
import {
  type AddressRules,
  createWebhookClient,
} from '../../../src/delivery/partner-webhooks/webhook-client.ts';
import { holdRequests, type Receiver, respondWith, startReceiver } from '../../harness/receiver.ts';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const other = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const event = { id: 'evt_1', type: 'lead.dialled' };
const refused = 'the address is not public (WEBHOOK_ALLOW), or the URL is not https';
const everything = { isAllowed: () => true };
const nothing = { isAllowed: () => false };

/** A name server that returns these addresses, one set for each question. */
function nameServer(...answers: string[][]) {
  const asked: string[] = [];
  const lookup: LookupFunction = (name, _options, callback) => {
    const addresses = answers[asked.length] ?? [];
    asked.push(name);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, lookup };
}

function send(
  url: string,
  rules: AddressRules = everything,
  lookup?: LookupFunction,
  signal = AbortSignal.timeout(9_000),
) {
  return createWebhookClient(rules, 2, lookup)(url, [secret, other], event, signal);
}

/** Returns the URL of a receiver under a name. */
function named(receiver: Receiver, protocol = 'http'): string {
  return receiver.url.replace(/^http:..127\.0\.0\.1/, `${protocol}://hooks.example`);
}

test.each([
  ['8.8.8.8', true],
  ['172.15.255.255', true],
  ['192.88.98.1', true],
  ['223.255.255.255', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['64:ff9b::8.8.8.8', true],
  ['0.0.0.0', false],
  ['10.1.2.3', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['169.254.169.254', false],
  ['172.31.255.255', false],
  ['192.0.0.8', false],
  ['192.0.2.1', false],
  ['192.168.1.1', false],
  ['198.19.0.1', false],
  ['198.51.100.7', false],
  ['203.0.113.9', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:a9fe:a9fe', false],
  ['::7f00:1', false],
  ['64:ff9b::127.0.0.1', false],
  ['64:ff9b::a00:1', false],
  ['64:ff9b:1::808:808', false],
  ['2002:7f00:1::', false],
  ['2002:808:808::', false],
  ['2001::1', false],
  ['2001:db8::1', false],
  ['3fff::1', false],
  ['fc00::1', false],
  ['fd12::1', false],
  ['fe80::1%eth0', false],
  ['fec0::1', false],
  ['ff02::1', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});

test.each([
  'http://127.0.0.1:9/',
  'https://127.0.0.1:9/',
  'https://2130706433:9/',
  'https://0x7f.1:9/',
  'https://0177.0.0.1:9/',
  'https://[::1]:9/',
  'https://[::ffff:127.0.0.1]:9/',
  'https://[::ffff:7f00:1]:9/',
  'https://[64:ff9b::7f00:1]:9/',
  'https://169.254.169.254/latest/meta-data/',
  'http://8.8.8.8:9/',
])('sends nothing to %s', async (url) => {
  expect(await send(url, nothing)).toMatchObject({ outcome: 'failed', response: refused });
});

test.each([[['10.0.0.1']], [['8.8.8.8', '10.0.0.1']], [['fd00::1']], [[]]])(
  'sends nothing to a name with the addresses %j',
  async (addresses) => {
    const { asked, lookup } = nameServer(addresses);
    expect(await send('https://hooks.example:9/', nothing, lookup)).toMatchObject({ response: refused });
    expect(asked).toEqual(['hooks.example']);
  },
);

test('sends nothing with http to a name that is public, but not allowed', async () => {
  const { lookup } = nameServer(['8.8.8.8']);
  expect(await send('http://hooks.example:9/', nothing, lookup)).toMatchObject({ response: refused });
});

test('connects to the address that was checked, even if the name server then returns another', async () => {
  const receiver = await startReceiver();
  const { asked, lookup } = nameServer(['127.0.0.1'], ['192.0.2.1']);
  const rules = { isAllowed: (address: string) => address === '127.0.0.1' };
  expect(await send(named(receiver), rules, lookup)).toMatchObject({ outcome: 'delivered' });
  expect(asked).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);
});

test('signs each event with every secret', async () => {
  const receiver = await startReceiver();
  expect(await send(receiver.url)).toEqual({
    outcome: 'delivered',
    response: 'HTTP 204',
    retryAfter: undefined,
  });
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(headers).toMatchObject({ 'webhook-id': 'evt_1', 'content-type': 'application/json' });
  for (const each of [secret, other]) expect(new Webhook(each).verify(body, headers)).toEqual(event);
});

test('does not follow redirects, and reports no part of a response', async () => {
  const target = await startReceiver();
  const receiver = await startReceiver(
    respondWith(307, { location: target.url, 'retry-after': '7' }, 'secret'),
  );
  expect(await send(receiver.url)).toEqual({ outcome: 'failed', response: 'HTTP 307', retryAfter: 7_000 });
  expect(target.received).toEqual([]);
});

test('reads a limited part of a response', async () => {
  let isClosed = false;
  const receiver = await startReceiver((_received, outgoing, incoming) => {
    incoming.socket.once('close', () => {
      isClosed = true;
    });
    outgoing.writeHead(200);
    const write = () => {
      while (!isClosed && outgoing.write('x'.repeat(65_536)));
      outgoing.once('drain', write);
    };
    write();
  });
  expect(await send(receiver.url)).toMatchObject({ outcome: 'delivered' });
  await expect.poll(() => isClosed).toBe(true);
});

test('ends an attempt when its signal is aborted', async () => {
  const { hold } = holdRequests(respondWith(204));
  const receiver = await startReceiver(hold);
  const controller = new AbortController();
  const sent = send(receiver.url, everything, undefined, controller.signal);
  await expect.poll(() => receiver.received.length).toBe(1);
  controller.abort(new DOMException('in time', 'TimeoutError'));
  expect(await sent).toMatchObject({ outcome: 'failed', response: 'no response in time' });
});
