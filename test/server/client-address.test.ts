/** Another spelling of an address must not get a separate limit. */
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newKey } from '../../src/partners/key.ts';
import { addressReader } from '../../src/server/client-address.ts';
import { canonicalAddress, networkOf } from '../../src/server/ip-address.ts';
import { untrustedProxyCheck } from '../../src/server/untrusted-proxy.ts';
import { sendRaw } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { startServer } from '../harness/server.ts';

/** Returns a request from a peer, with the `X-Forwarded-For` of proxies. */
function request(peer: string, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  // The cast: the reader uses nothing else of a request.
  return { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
}

test.each([
  ['192.0.2.1', '192.0.2.1'],
  [' 192.0.2.1 ', '192.0.2.1'],
  ['192.0.2.1:5678', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:DB8:0:0::0001', '2001:db8::1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:DB8::1]:80', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%eth0]:80', 'fe80::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['[0:0:0:0:0:ffff:192.0.2.1]:80', '192.0.2.1'],
  ['::1', '::1'],
  ['', undefined],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['192.0.2', undefined],
  ['192.0.2.1.', undefined],
  ['192.0.2.1:', '192.0.2.1'],
  ['0300.0.2.1', undefined],
  ['1::ffff:c000:201', '1::ffff:c000:201'],
  ['::ffff:c000:201:1', '::ffff:c000:201:1'],
  ['x[::1]', undefined],
  ['[::1]x', undefined],
  ['2001:db8::1::', undefined],
  ['192.0.2.1\0', undefined],
])('reads %o as %o', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});

test('reads all spellings of an IPv6 address as the same address', () => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xff_ff }), { minLength: 8, maxLength: 8 });
  const spelling = fc.record({ isPadded: fc.boolean(), isUpper: fc.boolean(), isBracketed: fc.boolean() });
  fc.assert(
    fc.property(groups, spelling, (numbers, { isPadded, isUpper, isBracketed }) => {
      const uncompressed = numbers.map((number) => number.toString(16)).join(':');
      const padded = numbers.map((number) => number.toString(16).padStart(isPadded ? 4 : 1, '0')).join(':');
      const spelt = isUpper ? padded.toUpperCase() : padded;
      const canonical = canonicalAddress(isBracketed ? `[${spelt}]:443` : spelt);
      expect(canonical).toBe(canonicalAddress(uncompressed));
      expect(canonicalAddress(canonical ?? '')).toBe(canonical);
    }),
  );
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['1::', '1:0:0:0'],
  ['1::4:5:6:7:8', '1:0:0:4'],
  ['1:2::5:6:7:8', '1:2:0:0'],
  ['::2:3:4:5:6:7', '0:0:2:3'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ['::ffff:1:2', '0:0:0:0'],
])('limits %o as %o', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

describe('behind proxies', () => {
  const read = addressReader(['10.0.0.0/8', '::1']);

  test.each([
    ['ignores X-Forwarded-For of a peer that is not a proxy', '192.0.2.9', '198.51.100.1', '192.0.2.9'],
    ['uses the address that a proxy reports', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['recognises a proxy on a socket for both families', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['removes the port from an address', '10.0.0.1', '198.51.100.1:1234', '198.51.100.1'],
    ['skips a second proxy with a port', '::1', '198.51.100.1, 10.0.0.2:999', '198.51.100.1'],
    ['ignores an entry that the client added', '10.0.0.1', '192.0.2.7, 198.51.100.1', '198.51.100.1'],
    ['skips an empty entry', '10.0.0.1', '198.51.100.1, ,', '198.51.100.1'],
    ['uses the first of several proxies without a client', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    [
      'uses the proxy’s address if an entry is not an address',
      '10.0.0.1',
      '198.51.100.1, unknown',
      '10.0.0.1',
    ],
    ['uses the peer’s address without X-Forwarded-For', '10.0.0.1', undefined, '10.0.0.1'],
  ])('%s', (_what, peer, forwarded, address) => {
    expect(read(request(peer, forwarded))).toBe(address);
  });
});

test('does not trust a peer because it has sent requests before', () => {
  const read = addressReader(['10.0.0.0/8']);
  for (let times = 1; times <= 2; times += 1) {
    expect(read(request('192.0.2.9', '198.51.100.1'))).toBe('192.0.2.9');
    expect(read(request('10.0.0.1', '198.51.100.1'))).toBe('198.51.100.1');
  }
});

test('recognises any number of proxies', () => {
  const read = addressReader(['10.0.0.0/8']);
  for (let index = 0; index < 3_000; index += 1) {
    const proxy = `10.0.${Math.floor(index / 250)}.${index % 250}`;
    expect(read(request(proxy, '198.51.100.1'))).toBe('198.51.100.1');
  }
});

test('ignores X-Forwarded-For without trusted proxies', () => {
  expect(addressReader([])(request('10.0.0.1', '198.51.100.1'))).toBe('10.0.0.1');
});

test('warns once about a proxy of the own network that is not trusted, and about no other peer', () => {
  const { log, lines } = recordingLog();
  const check = untrustedProxyCheck(['10.0.0.1'], log);
  const forwarded = '198.51.100.1';
  for (const peer of ['127.0.0.1', '10.0.0.2']) check(request(peer));
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', '192.0.2.9']) check(request(peer, forwarded));
  expect(lines).toEqual([]);
  for (const peer of ['172.17.0.1', '127.0.0.1', '172.17.0.1']) check(request(peer, forwarded));
  expect(lines).toMatchObject([{ level: 'warn', address: '172.17.0.1' }]);
});

test('a request with a valid key shows that the proxy is not trusted, one with an invalid key does not', async () => {
  const { log, lines } = recordingLog();
  const { url, key } = await startServer({ log });
  const body = JSON.stringify(requestValue('addLead', 'accepted'));
  const send = (sent: string) =>
    fetch(`${url}/lead/add`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${sent}`,
        'content-type': 'application/json',
        'x-forwarded-for': '198.51.100.1',
      },
      body,
    });
  expect((await send(newKey())).status).toBe(401);
  expect(lines).toEqual([]);
  expect((await send(key)).status).toBe(200);
  expect(lines).toMatchObject([{ address: '127.0.0.1', msg: expect.stringContaining('TRUST_PROXY') }]);
});

test('reports the address of the client of a request with an invalid URL', async () => {
  const reported: unknown[] = [];
  const server = await startServer({
    trustedProxies: ['loopback'],
    onResponse: ({ status, address }) => void reported.push([status, address]),
  });
  await sendRaw(server, 'OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n');
  expect(reported).toEqual([[400, '192.0.2.1']]);
});
