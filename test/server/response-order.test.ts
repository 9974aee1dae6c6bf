/** Every request gets its own response, whatever follows it on the same connection. */
import { once } from 'node:events';
import { setImmediate as endOfTick } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { Connections } from '../../src/server/connections.ts';
import { InFlightLimiter } from '../../src/server/in-flight-limiter.ts';
import { openRaw, post, rawRequest, responsesOn } from '../harness/client.ts';
import { checkResponse, operationOf, requestValue, responseValue } from '../harness/contract.ts';
import { holdWriteLock, leadsIn, startServer, submissionsIn, type TestServer } from '../harness/server.ts';

const { path } = operationOf('addLead');
const person = requestValue('addLead', 'accepted');
const health = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
const accepted = { status: 200, json: responseValue('addLead', 200, 'accepted') };

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

function connectTo(server: TestServer, options?: { allowHalfOpen?: boolean }) {
  const socket = openRaw(server, options);
  open.push(socket);
  return socket;
}

function add(server: TestServer, mobile = '07840258823', framing: 'length' | 'chunks' = 'length'): string {
  const { head, body } = rawRequest(server, 'addLead', { ...person, mobile });
  if (framing === 'length') return head + body;
  const chunkedHead = head.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked');
  return `${chunkedHead}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** Input that stops Node's parser, with the status of the response. */
const stops: [string, string, number][] = [
  ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  [
    'a tunnel with an incomplete body',
    'CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
    501,
  ],
  [
    'a tunnel followed by a lot of data',
    `CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n${'\x16\x03\x01'.repeat(50_000)}`,
    501,
  ],
  ['garbage', '\x00\x01rubbish\r\n\r\n', 400],
  ['more garbage than fits a packet', '\x00\x01rubbish'.repeat(50_000), 400],
  ['the body of a request without a length', '{"mobile":"07840258823"}', 400],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['an unknown version', 'GET / HTTP/7.5\r\nHost: a\r\n\r\n', 505],
  ['endless headers', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['invalid chunks', 'POST /lead/add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  [
    'invalid chunks followed by a lot of data',
    `POST /lead/add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${'x'.repeat(3_000_000)}`,
    400,
  ],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
];

test.each(stops)('responds to adds before it refuses %s', async (_what, bytes, status) => {
  const server = await startServer();
  const socket = connectTo(server);
  const received = responsesOn(socket);
  // The store cannot write, so all input arrives before the first response.
  const lock = holdWriteLock(server.file);
  socket.write(add(server, '07840258821') + add(server, '07840258822', 'chunks') + bytes, 'latin1');
  await expect.poll(() => server.store.waiting(), { interval: 5 }).toBe(2);
  lock.release();
  const responses = await received;
  expect(responses.map(({ status: each, json }) => ({ status: each, json })).slice(0, 2)).toEqual([
    accepted,
    accepted,
  ]);
  expect(responses.slice(2).map((response) => response.status)).toEqual([status]);
  for (const response of responses) checkResponse('addLead', response);
  expect(await leadsIn(server.store)).toHaveLength(2);
});

test.each(stops)('refuses %s once and closes the connection', async (_what, bytes, status) => {
  const reported: number[] = [];
  const server = await startServer({ onResponse: (request) => void reported.push(request.status) });
  const socket = connectTo(server);
  socket.write(bytes, 'latin1');
  const responses = await responsesOn(socket);
  expect(responses.map((response) => response.status)).toEqual([status]);
  expect(responses[0]?.headers['connection']).toBe('close');
  expect(reported).toEqual([status]);
});

test.each([
  ['does not arrive in time', 'Content-Length: 100\r\n\r\n{', 408],
  ['cannot be parsed', 'Transfer-Encoding: chunked\r\n\r\nno chunk\r\n', 400],
])('reports a request whose body %s once', async (_what, rest, status) => {
  const ended = vi.spyOn(InFlightLimiter.prototype, 'leave');
  onTestFinished(() => void ended.mockRestore());
  const reported: number[] = [];
  const onResponse = (request: { status: number }) => void reported.push(request.status);
  const server = await startServer({ requestTimeout: 200, onResponse });
  const socket = connectTo(server);
  const received = responsesOn(socket);
  socket.write(
    `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${rest}`,
  );
  expect((await received).map((response) => response.status)).toEqual([status]);
  await expect.poll(() => ended.mock.calls.length).toBe(1);
  await endOfTick();
  expect(reported).toEqual([status]);
});

test.each([
  ['without a key', 'Host: a\r\n', 401],
  ['without a Host', '', 400],
])(
  'ends the connection without a second response if the body of a finished request %s cannot be read',
  async (_what, header, status) => {
    const server = await startServer();
    const socket = connectTo(server);
    const first = responsesOn(socket, 1);
    socket.write(`POST ${path} HTTP/1.1\r\n${header}Transfer-Encoding: chunked\r\n\r\n`);
    expect((await first).map((response) => response.status)).toEqual([status]);
    const others = responsesOn(socket);
    socket.write('no chunk\r\n');
    expect(await others).toEqual([]);
  },
);

test('refuses garbage after a request whose body arrived after its response', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const first = responsesOn(socket, 1);
  socket.write(`POST ${path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n`);
  expect((await first).map(({ status }) => status)).toEqual([400]);
  const others = responsesOn(socket);
  socket.write('0\r\n\r\n\x00\x01rubbish\r\n\r\n');
  expect((await others).map(({ status }) => status)).toEqual([400]);
});

test('responds to the latest of several requests, of which others have their response, before it refuses garbage', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const aborted = vi.spyOn(Connections.prototype, 'abort');
  onTestFinished(() => void aborted.mockRestore());
  const lock = holdWriteLock(server.file);
  const received = responsesOn(socket);
  const first = once(socket, 'data');
  socket.write(`${health}${add(server)}`);
  await first;
  socket.write('\x00\x01rubbish\r\n\r\n');
  await expect.poll(() => aborted.mock.calls.length).toBeGreaterThan(0);
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 200, 400]);
});

test('processes no request that arrives after the one before it has timed out', async () => {
  const server = await startServer({ requestTimeout: 200 });
  const socket = connectTo(server);
  const aborted = vi.spyOn(Connections.prototype, 'abort');
  const begun = vi.spyOn(Connections.prototype, 'beginRequest');
  onTestFinished(() => void vi.restoreAllMocks());
  const lock = holdWriteLock(server.file);
  const received = responsesOn(socket);
  const late = add(server, '07840258822');
  socket.write(add(server) + late.slice(0, 20));
  await expect.poll(() => aborted.mock.calls.length).toBeGreaterThan(0);
  socket.write(late.slice(20));
  await expect.poll(() => begun.mock.calls.length).toBe(2);
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 408]);
  expect(await leadsIn(server.store)).toHaveLength(1);
});

test('responds to an add before a slow request that follows it times out', async () => {
  const server = await startServer({ requestTimeout: 200 });
  const socket = connectTo(server);
  const lock = holdWriteLock(server.file);
  const onTimeout = vi.spyOn(Connections.prototype, 'abort');
  onTestFinished(() => void onTimeout.mockRestore());
  const received = responsesOn(socket);
  socket.write(`${add(server)}POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Le`);
  await expect.poll(() => onTimeout.mock.calls.length).toBeGreaterThan(0);
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 408]);
});

test.each(['length', 'chunks'] as const)(
  'responds to a client that closes its side after a request with %s',
  async (framing) => {
    const server = await startServer();
    for (let count = 0; count < 5; count += 1) {
      const socket = connectTo(server);
      const received = responsesOn(socket);
      socket.end(add(server, `0784025882${count}`, framing));
      const responses = await received;
      expect(responses.map(({ status, json }) => ({ status, json }))).toEqual([accepted]);
    }
    expect(await leadsIn(server.store)).toHaveLength(5);
  },
);

test('responds to all requests of a client that has closed its side, then closes the other', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const lock = holdWriteLock(server.file);
  const received = responsesOn(socket);
  socket.end(add(server, '07840258821') + add(server, '07840258822'));
  await once(socket, 'finish');
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 200]);
});

test.each([
  ['body lacks its end', (request: string) => request.slice(0, -10)],
  [
    'JSON is complete but shorter than its length',
    (request: string) =>
      request.replace(/Content-Length: (\d+)/, (_, size) => `Content-Length: ${+size + 1}`),
  ],
])('refuses a request of a client that closes its side if its %s', async (_what, shorten) => {
  const server = await startServer();
  const socket = connectTo(server);
  const received = responsesOn(socket);
  socket.end(shorten(add(server)));
  expect((await received).map(({ status }) => status)).toEqual([400]);
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('refuses a chunked request of a client that closes its side before the last chunk', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const received = responsesOn(socket);
  socket.end(add(server, undefined, 'chunks').replace(/0\r\n\r\n$/, ''));
  expect((await received).map(({ status }) => status)).toEqual([400]);
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('treats a request without a length as one without a body, and refuses what follows', async () => {
  const server = await startServer();
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\r\n`;
  for (const [body, statuses] of [
    ['', [400]],
    [JSON.stringify(person), [400, 400]],
  ] as const) {
    const socket = connectTo(server);
    const received = responsesOn(socket);
    socket.end(head + body);
    const responses = await received;
    expect(responses.map(({ status }) => status)).toEqual(statuses);
    expect(responses[0]?.json).toEqual(responseValue('addLead', 400, 'empty-body'));
  }
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

test.each(stops)(
  'gives a client that sends %s and keeps its side open a second to read the refusal, then closes',
  async (_what, bytes, status) => {
    const server = await startServer();
    const aborted = vi.spyOn(Connections.prototype, 'abort');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
      aborted.mockRestore();
    });
    const socket = connectTo(server, { allowHalfOpen: true });
    socket.write(bytes, 'latin1');
    expect((await responsesOn(socket)).map((response) => response.status)).toEqual([status]);
    const [serverSide] = aborted.mock.calls[0] ?? [];
    vi.advanceTimersByTime(999);
    expect(serverSide?.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(serverSide?.destroyed).toBe(true);
  },
);

test('rejects two Idempotency-Key headers in any spelling', async () => {
  const server = await startServer();
  const body = JSON.stringify(person);
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
  for (const keys of [
    'Idempotency-Key: a\r\nIdempotency-Key: b\r\n',
    'Idempotency-Key: a\r\nIDEMPOTENCY-KEY: a\r\n',
  ]) {
    const socket = connectTo(server);
    socket.write(`${head}${keys}Content-Length: ${body.length}\r\n\r\n${body}`);
    const [response] = await responsesOn(socket, 1);
    expect(response?.status).toBe(400);
    expect(Object.keys(Object(response?.json))).toEqual(['Idempotency-Key']);
  }
  expect(await leadsIn(server.store)).toEqual([]);
  const socket = connectTo(server);
  socket.write(`${head}Idempotency-Key: a, b\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect((await responsesOn(socket, 1)).map(({ status }) => status)).toEqual([200]);
});
