/** What a request brought about is told to whoever sent it, whatever comes after it on the same connection. */
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { openRaw, post, responsesOn } from '../harness/client.ts';
import { checkResponse, operationOf, requestValue, responseValue } from '../harness/contract.ts';
import { holdWriteLock, leadsIn, startServer, type TestServer } from '../harness/server.ts';

const { path } = operationOf('addLead');
const person = requestValue('addLead', 'accepted');
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
  const body = JSON.stringify({ ...person, mobile });
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
  if (framing === 'length') return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** Everything that makes Node's parser stop, with the status that it is refused with. */
const stops: [string, string, number][] = [
  ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  [
    'a tunnel with a body that does not end',
    'CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
    501,
  ],
  [
    'a tunnel with much behind it',
    `CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n${'\x16\x03\x01'.repeat(50_000)}`,
    501,
  ],
  ['rubbish', '\x00\x01rubbish\r\n\r\n', 400],
  ['more rubbish than fits a packet', '\x00\x01rubbish'.repeat(50_000), 400],
  ['the body of a request that names no length', '{"mobile":"07840258823"}', 400],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['a version that nobody knows', 'GET / HTTP/7.5\r\nHost: a\r\n\r\n', 505],
  ['headers without an end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  [
    'chunks that are none',
    'POST /lead/add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    400,
  ],
  [
    'chunks that are none, and much behind them',
    `POST /lead/add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${'x'.repeat(3_000_000)}`,
    400,
  ],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
];

test.each(stops)('adds that are followed by %s are answered first', async (_what, bytes, status) => {
  const server = await startServer();
  const socket = connectTo(server);
  const received = responsesOn(socket);
  // While the store cannot write, all that is sent has come before the first answer.
  const lock = holdWriteLock(server.file);
  socket.write(add(server, '07840258821') + add(server, '07840258822', 'chunks') + bytes, 'latin1');
  await expect.poll(() => server.store.waiting(), { interval: 5 }).toBe(2);
  lock.release();
  const answers = await received;
  expect(answers.map(({ status: each, json }) => ({ status: each, json })).slice(0, 2)).toEqual([
    accepted,
    accepted,
  ]);
  expect(answers.slice(2).map((run) => run.status)).toEqual([status]);
  for (const run of answers) checkResponse('addLead', run);
  expect(await leadsIn(server.store)).toHaveLength(2);
});

test.each(stops)('%s alone is rejected once, and the connection ends', async (_what, bytes, status) => {
  const told: number[] = [];
  const server = await startServer({ onResponse: (request) => void told.push(request.status) });
  const socket = connectTo(server);
  socket.write(bytes, 'latin1');
  const answers = await responsesOn(socket);
  expect(answers.map((run) => run.status)).toEqual([status]);
  expect(answers[0]?.headers['connection']).toBe('close');
  expect(told.filter((each) => each === status)).toHaveLength(1);
});

test('a request that was answered before its body came is not answered twice when the body cannot be read', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const first = responsesOn(socket, 1);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
  expect((await first).map(({ status }) => status)).toEqual([401]);
  const others = responsesOn(socket);
  socket.write('no chunk\r\n');
  expect(await others).toEqual([]);
});

test('a slow request behind an add does not take the add’s answer', async () => {
  const server = await startServer({ requestTimeout: 200 });
  const socket = connectTo(server);
  const lock = holdWriteLock(server.file);
  const received = responsesOn(socket);
  socket.write(`${add(server)}POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Le`);
  // Nothing is seen of the time-out until the add is answered. If it comes later, the answers are the same.
  await new Promise((resolve) => setTimeout(resolve, 500));
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 408]);
});

test.each(['length', 'chunks'] as const)(
  'a client that ends its half after a request with %s gets the answer',
  async (framing) => {
    const server = await startServer();
    for (let count = 0; count < 5; count += 1) {
      const socket = connectTo(server);
      const received = responsesOn(socket);
      socket.end(add(server, `0784025882${count}`, framing));
      const answers = await received;
      expect(answers.map(({ status, json }) => ({ status, json }))).toEqual([accepted]);
    }
    expect(await leadsIn(server.store)).toHaveLength(5);
  },
);

test('a client that ends its half while its adds wait gets all answers, and then the other half ends', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const lock = holdWriteLock(server.file);
  const received = responsesOn(socket);
  socket.end(add(server, '07840258821') + add(server, '07840258822'));
  await once(socket, 'finish');
  lock.release();
  expect((await received).map(({ status }) => status)).toEqual([200, 200]);
});

test('a request that is cut off by the end of its client’s half is refused', async () => {
  const server = await startServer();
  const socket = connectTo(server);
  const received = responsesOn(socket);
  socket.end(add(server).slice(0, -10));
  const answers = await received;
  expect(answers.map(({ status }) => status)).toEqual([400]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('an add without a length has no body: it is answered, and what follows is refused', async () => {
  const server = await startServer();
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\r\n`;
  for (const [body, statuses] of [
    ['', [400]],
    [JSON.stringify(person), [400, 400]],
  ] as const) {
    const socket = connectTo(server);
    const received = responsesOn(socket);
    socket.end(head + body);
    const answers = await received;
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    expect(answers[0]?.json).toEqual(responseValue('addLead', 400, 'empty-body'));
  }
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

test('a client that is refused and does not end its own half is cut', async () => {
  const server = await startServer();
  for (const [, bytes] of stops.slice(0, 4)) {
    const socket = connectTo(server, { allowHalfOpen: true });
    socket.write(bytes, 'latin1');
    await responsesOn(socket);
    // Only a write shows that the other side is gone.
    const writing = setInterval(() => socket.write('x'), 50);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(writing);
  }
});

test('a client that is still sending what is refused has a while to read the refusal', async () => {
  const server = await startServer();
  const socket = connectTo(server, { allowHalfOpen: true });
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  socket.write('POST /lead/add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n');
  expect((await responsesOn(socket)).map(({ status }) => status)).toEqual([400]);
  // By the clock, since a busy machine may stop this client for longer than the server waits.
  for (const end = performance.now() + 200; performance.now() < end; ) {
    expect(isClosed).toBe(false);
    socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('two Idempotency-Key headers are refused, however they are written', async () => {
  const server = await startServer();
  const body = JSON.stringify(person);
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
  for (const keys of [
    'Idempotency-Key: a\r\nIdempotency-Key: b\r\n',
    'Idempotency-Key: a\r\nIDEMPOTENCY-KEY: a\r\n',
  ]) {
    const socket = connectTo(server);
    socket.write(`${head}${keys}Content-Length: ${body.length}\r\n\r\n${body}`);
    const [run] = await responsesOn(socket, 1);
    expect(run?.status).toBe(400);
    expect(Object.keys(Object(run?.json))).toEqual(['Idempotency-Key']);
  }
  expect(await leadsIn(server.store)).toEqual([]);
  const socket = connectTo(server);
  socket.write(`${head}Idempotency-Key: a, b\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect((await responsesOn(socket, 1)).map(({ status }) => status)).toEqual([200]);
});
