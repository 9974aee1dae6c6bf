/** Everything that an unauthenticated client can make grow is limited, and other clients do not notice. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AuthFailureLimiter } from '../../src/server/auth-failure-limiter.ts';
import { Connections } from '../../src/server/connections.ts';
import { docsFile } from '../../src/server/docs-page.ts';
import { openRaw, post, rawRequest, responsesOn, send } from '../harness/client.ts';
import { maxBytesOf, requestValue, responseValue } from '../harness/contract.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { holdWriteLock, startServer, submissionsIn, type TestServer } from '../harness/server.ts';

/** Size of the reference page (bytes). */
const pageSize = docsFile('reference.html').bytes.length;

const person = requestValue('addLead', 'accepted');
const named = { mobile: person['mobile'], type: person['type'] };

function connectTo(server: TestServer): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  return socket;
}

test.each([
  ['sends nothing', ''],
  ['does not end its headers', 'POST /lead/add HTTP/1.1\r\nHost: leads.example\r\nX-Slow: '],
])('closes the connection of a client that %s, with 408', async (_what, bytes) => {
  const server = await startServer({ headersTimeout: 200 });
  const socket = openRaw(server);
  onTestFinished(() => void socket.destroy());
  socket.write(bytes);
  // Read until the server closes the connection.
  const responses = await responsesOn(socket);
  expect(responses.map(({ status, json }) => ({ status, json }))).toEqual([
    { status: 408, json: responseValue('addLead', 408, 'request-timeout') },
  ]);
});

test('closes the connection of a client that sends headers slowly', async () => {
  const server = await startServer({ headersTimeout: 300 });
  const socket = connectTo(server);
  socket.write('POST /lead/add HTTP/1.1\r\nHost: leads.example\r\n');
  const drip = setInterval(() => socket.write('X-Slow: a\r\n'), 50);
  onTestFinished(() => clearInterval(drip));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.resume().on('close', resolve));
  clearInterval(drip);
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

/** Waits until the server has closed a connection. A client that reads nothing notices this only when it writes. */
async function untilClosed(socket: Socket): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const writing = setInterval(() => socket.write('\r\n'), 20);
  onTestFinished(() => clearInterval(writing));
  await closed;
  clearInterval(writing);
}

/** Reads a connection until it has received more than a number of bytes, or is closed. Returns how many there were. */
async function bytesReceived(socket: Socket, enough: number): Promise<number> {
  let received = 0;
  for await (const chunk of socket) {
    received += chunk.length;
    if (received > enough) break;
  }
  return received;
}

function untilConnected(sockets: readonly Socket[]): Promise<unknown> {
  return Promise.all(sockets.map((socket) => once(socket, 'connect')));
}

test('closes the connection that has been idle longest to make room for a new one', async () => {
  const { log, lines } = recordingLog();
  const server = await startServer({ maxConnections: 4, log });
  const use = async (socket: Socket) => {
    socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    return socket;
  };
  const first = await use(connectTo(server));
  const second = await use(connectTo(server));
  const third = await use(connectTo(server));
  await use(first);
  const closed: string[] = [];
  first.on('close', () => closed.push('first'));
  second.resume().on('close', () => closed.push('second'));
  third.resume().on('close', () => closed.push('third'));
  await untilConnected([connectTo(server), connectTo(server)]);
  await expect.poll(() => closed).toEqual(['second']);
  await untilConnected([connectTo(server), connectTo(server)]);
  await expect.poll(() => closed).toEqual(['second', 'third', 'first']);
  // Once, although three connections were closed.
  expect(lines).toMatchObject([
    { level: 'warn', msg: 'The connection limit is reached: idle connections are closed for new ones.' },
  ]);
});

test('closes a connection on which nothing was sent yet to make room for a new one', async () => {
  const server = await startServer({ maxConnections: 1 });
  const silent = connectTo(server);
  await untilConnected([silent]);
  const closed = once(silent.resume(), 'close');
  expect((await post(server, 'addLead', person)).status).toBe(200);
  await closed;
});

test('refuses new connections if none is idle, and serves the busy ones', async () => {
  const { log, lines } = recordingLog();
  const server = await startServer({ maxConnections: 3, log });
  const lock = holdWriteLock(server.file);
  const busy = [connectTo(server), connectTo(server), connectTo(server)];
  const { head, body } = rawRequest(server, 'addLead', person, { Expect: '100-continue' });
  for (const socket of busy) {
    // `100 Continue` shows that the head was read.
    socket.write(head);
    await once(socket, 'data');
    socket.write(body);
  }
  const refused = connectTo(server);
  refused.on('error', () => {});
  await new Promise((resolve) => refused.resume().on('close', resolve));
  expect(lines).toMatchObject([
    { level: 'warn', msg: 'Connections were refused: the connection limit is reached.' },
  ]);
  const responses = Promise.all(busy.map((socket) => once(socket, 'data')));
  lock.release();
  for (const [chunk] of await responses) expect(String(chunk)).toMatch(/^HTTP\/1\.1 200 /);
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

test('never closes a connection for a new one between two pipelined responses', async () => {
  const server = await startServer({ maxConnections: 1 });
  const lock = holdWriteLock(server.file);
  const { head, body } = rawRequest(server, 'addLead', person);
  const socket = openRaw(server);
  const responses = responsesOn(socket, 2);
  const first = once(socket, 'data');
  socket.write(`GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n${head}${body}`);
  await first;
  const refused = connectTo(server);
  refused.on('error', () => {});
  await once(refused.resume(), 'close');
  lock.release();
  expect((await responses).map(({ status }) => status)).toEqual([200, 200]);
});

test('limits the connections of an address, but not those of a trusted proxy', async () => {
  const { log, lines } = recordingLog();
  const server = await startServer({ connectionsPerAddress: 2, log });
  const held = [connectTo(server), connectTo(server)];
  await untilConnected(held);
  const refused = connectTo(server);
  refused.on('error', () => {});
  await new Promise((resolve) => refused.resume().on('close', resolve));
  expect(lines).toMatchObject([
    {
      level: 'warn',
      msg: 'Connections were refused: too many from one address.',
      address: new URL(server.url).hostname,
    },
  ]);
  held[0]?.destroy();
  await expect
    .poll(async () => (await post(server, 'addLead', person).catch(() => undefined))?.status)
    .toBe(200);

  const behindProxy = await startServer({ connectionsPerAddress: 2, trustedProxies: ['loopback'] });
  await untilConnected(Array.from({ length: 5 }, () => connectTo(behindProxy)));
  expect((await post(behindProxy, 'addLead', person)).status).toBe(200);
});

test('still counts the other connections of an address after one was closed', async () => {
  const server = await startServer({ connectionsPerAddress: 2 });
  const open = async () => {
    const socket = connectTo(server);
    socket.on('error', () => {});
    socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    const isOpen = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]);
    return isOpen ? socket : undefined;
  };
  const first = await open();
  expect(await open()).toBeDefined();
  expect(await open()).toBeUndefined();
  first?.destroy();
  await expect.poll(open).toBeDefined();
  expect(await open()).toBeUndefined();
});

test('counts the requests of an address on all its connections until their responses', async () => {
  const server = await startServer({ requestsPerAddress: 3 });
  const statuses = async (count: number) => {
    const responses = await Promise.all(
      Array.from({ length: count }, () => post(server, 'leadStatus', named)),
    );
    return responses.map(({ status }) => status);
  };
  for (let round = 0; round < 5; round += 1) expect(await statuses(3)).toEqual([200, 200, 200]);
  const lock = holdWriteLock(server.file);
  const waiting = post(server, 'addLead', person);
  await expect.poll(async () => (await statuses(3)).toSorted()).toEqual([200, 200, 429]);
  lock.release();
  expect((await waiting).status).toBe(200);
  expect(await statuses(3)).toEqual([200, 200, 200]);
});

test('counts each aborted request of an address with other connections once', async () => {
  // The idle connection must stay open meanwhile.
  const server = await startServer({ requestsPerAddress: 2, headersTimeout: 60_000, requestTimeout: 60_000 });
  await untilConnected([connectTo(server)]);
  const { head } = rawRequest(server, 'leadStatus', named, { Expect: '100-continue' });
  const holdTwo = async () => {
    const inFlight: Socket[] = [];
    for (let count = 0; count < 2; count += 1) {
      const socket = connectTo(server);
      socket.write(head);
      await once(socket, 'data');
      inFlight.push(socket);
    }
    return inFlight;
  };
  const inFlight = await holdTwo();
  const refused = await post(server, 'leadStatus', named);
  expect([refused.status, refused.headers['connection']]).toEqual([429, 'close']);
  for (const socket of inFlight) socket.destroy();
  await expect.poll(async () => (await post(server, 'leadStatus', named)).status).toBe(200);
  await holdTwo();
  expect((await post(server, 'leadStatus', named)).status).toBe(429);
});

test('processes a limited number of pipelined requests, then closes the connection', async () => {
  const server = await startServer();
  const { head, body } = rawRequest(server, 'cancelLead', named);
  const socket = openRaw(server);
  socket.write((head + body).repeat(1_000));
  const responses = await responsesOn(socket);
  expect(responses.length).toBeGreaterThanOrEqual(100);
  expect(responses.length).toBeLessThan(1_000);
  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
  expect(responses.findIndex(({ headers }) => headers['connection'] === 'close')).toBe(responses.length - 1);
  const processed = await Array.fromAsync(server.store.cancellations('+447840258823'));
  expect(processed).toHaveLength(responses.length);
});

test('keeps the connection of a client that waits for its response', async () => {
  const server = await startServer({ writeTimeout: 20 });
  const checks = vi.spyOn(Connections.prototype, 'resetStalled');
  onTestFinished(() => void checks.mockRestore());
  const lock = holdWriteLock(server.file);
  const waiting = post(server, 'addLead', person);
  await expect.poll(() => server.store.waiting()).toBe(1);
  checks.mockClear();
  // More than the timeout consists of.
  await expect.poll(() => checks.mock.calls.length).toBeGreaterThan(20);
  lock.release();
  expect((await waiting).status).toBe(200);
});

test('keeps the connection of a client that reads slowly for longer than the write timeout', async () => {
  // Much longer than the client's pauses, even on a busy machine.
  const writeTimeout = 1_000;
  const server = await startServer({ writeTimeout });
  const begun = performance.now();
  const slow = connectTo(server);
  slow.write('GET /docs/reference.html HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise<void>((resolve, reject) => {
    let received = 0;
    slow.on('close', () => reject(new Error(`The connection was closed after ${received} bytes.`)));
    slow.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > pageSize) resolve();
      slow.pause();
      setTimeout(() => slow.resume(), 40);
    });
  });
  expect(performance.now() - begun).toBeGreaterThan(writeTimeout);
});

test('resets the oldest download once unread documents exceed the limit', async () => {
  const server = await startServer({ maxUnread: 2.5 * pageSize });
  const uncompressed = { headers: { 'Accept-Encoding': 'identity' } };
  const ask = async () => {
    const socket = connectTo(server);
    socket.on('error', () => {});
    socket.write('GET /docs/reference.html HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'readable');
    return socket;
  };
  const first = await ask();
  const second = await ask();
  await ask();
  await untilClosed(first);
  // A client that reads nothing notices that its connection was reset only when it writes.
  second.write('\r\n');
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(second.destroyed).toBe(false);
  expect((await fetch(`${server.url}/docs/reference.html`, uncompressed)).status).toBe(200);
  await untilClosed(second);
});

test('does not reset a download that is being read while unread documents exceed the limit', async () => {
  const server = await startServer({ maxUnread: 7.5 * pageSize });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ask = async (count: number) => {
    const socket = connectTo(server);
    socket.on('error', () => {});
    socket.write('GET /docs/reference.html HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count));
    await once(socket, 'readable');
    return socket;
  };
  // More than the system buffers for a connection.
  const reader = await ask(5);
  const read = (count: number) =>
    new Promise<void>((resolve) => {
      let rest = count;
      reader.on('data', function count(chunk: Buffer) {
        rest -= chunk.length;
        if (rest > 0) return;
        reader.pause().off('data', count);
        resolve();
      });
      reader.resume();
    });
  vi.advanceTimersByTime(5_000);
  await read(2 * pageSize);
  vi.advanceTimersByTime(5_000);
  const oldestUnread = await ask(1);
  for (let others = 0; others < 2; others += 1) await ask(1);
  await untilClosed(oldestUnread);
  await read(2 * pageSize);
});

test('a request that is in flight a minute after a download on its connection still gets its response', async () => {
  const server = await startServer();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const socket = openRaw(server);
  socket.write('GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n');
  await responsesOn(socket, 1);
  // Most of the minute passes first, because the queue tries to get the lock in each millisecond of it.
  await vi.advanceTimersByTimeAsync(59_900);
  const lock = holdWriteLock(server.file);
  const { head, body } = rawRequest(server, 'addLead');
  socket.write(`${head}${body}`);
  const received = responsesOn(socket, 1);
  await expect.poll(() => server.store.waiting()).toBe(1);
  await vi.advanceTimersByTimeAsync(100);
  lock.release();
  await vi.advanceTimersByTimeAsync(10);
  expect((await received).map(({ status }) => status)).toEqual([200]);
  const closed = untilClosed(socket);
  await vi.advanceTimersByTimeAsync(5_000);
  await closed;
});

test('does not count downloads whose connection is closed', async () => {
  const server = await startServer({ maxUnread: 2.5 * pageSize });
  const held = connectTo(server);
  held.write('GET /docs/reference.html HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(held, 'readable');
  for (let count = 0; count < 6; count += 1) {
    const response = await fetch(`${server.url}/docs/reference.html`, { headers: { Connection: 'close' } });
    expect((await response.text()).length).toBeGreaterThan(1_000_000);
  }
  // A connection that was reset would break off.
  expect(await bytesReceived(held, pageSize)).toBeGreaterThan(pageSize);
});

test('shares one buffer between all downloads of a document', async () => {
  expect(docsFile('index.html').bytes).toBe(docsFile('index.html').bytes);
});

test('limits the downloads of an address without affecting its other requests', async () => {
  // Otherwise the allowance would return on a busy machine.
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const server = await startServer();
  const responses = await Promise.all(
    Array.from({ length: 30 }, () => fetch(`${server.url}/openapi.yaml`, { method: 'HEAD' })),
  );
  const refused = responses.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(10);
  expect(refused[0]?.headers.get('retry-after')).toBe('1');
  const download = await fetch(`${server.url}/docs/reference.html`);
  expect([download.status, await download.json()]).toEqual([
    429,
    { error: 'Too many downloads from this address.' },
  ]);
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

test('rejects JSON with the deepest possible nesting', async () => {
  const server = await startServer();
  const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
  const lead = JSON.stringify(person).slice(1, -1);
  for (const [text, field] of [
    [deep, 'body'],
    [`{${lead},"first_name":${deep}}`, 'first_name'],
    [`{${lead},"data":${deep}}`, 'data'],
    [`{${lead},"a":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`, 'a'],
  ] as const) {
    const { status, json } = await send(server, 'addLead', { text });
    expect({ status, fields: Object.keys(Object(json)) }).toEqual({ status: 400, fields: [field] });
  }
});

test('saves a body up to the maximum size completely, in any number of packets', async () => {
  const server = await startServer();
  const maxBytes = maxBytesOf('addLead');
  const lead = JSON.stringify(person);
  // Node reads 64 KiB at a time, including the head: bodies around that size arrive in one part or two.
  const sizes = [65_000, 65_200, 65_400, 65_536, 66_000, 100_000, maxBytes];
  const texts = sizes.map((size) => `${lead.slice(0, -1)}${' '.repeat(size - lead.length)}}`);
  for (const text of texts) expect((await send(server, 'addLead', { text })).status).toBe(200);
  const saved = await submissionsIn(server.store);
  expect(saved.map(({ content }) => content).toReversed()).toEqual(texts);
});

test('forgets the oldest of many addresses with invalid keys, and no others', () => {
  // Otherwise a second allows one more request.
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const authFailures = new AuthFailureLimiter();
  const exhaust = (address: string) => {
    for (let sent = 0; authFailures.count(address); sent += 1) {
      if (sent > 1_000) throw new Error(`${address} may send any number of invalid keys.`);
    }
  };
  exhaust('192.0.2.1');
  for (let number = 0; number < 5_000; number += 1)
    authFailures.count(`2001:db8:0:${number.toString(16)}::1`);
  exhaust('192.0.2.2');
  expect(authFailures.retryAfter('192.0.2.1')).toBeGreaterThan(0);
  for (let number = 5_000; number < 10_000; number += 1)
    authFailures.count(`2001:db8:0:${number.toString(16)}::1`);
  expect(authFailures.retryAfter('192.0.2.1')).toBe(0);
  expect(authFailures.retryAfter('192.0.2.2')).toBeGreaterThan(0);
});
