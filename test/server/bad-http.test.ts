/** Scanners, broken proxies and half-open connections talk to the port too; none may get an odd answer or stop it. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { send, sendRaw } from '../harness/client.ts';
import { checkAnswer, operationOf, requestValue } from '../harness/contract.ts';
import { leadsIn, startServer } from '../harness/server.ts';

const { path } = operationOf('addLead');
const ok = 'Host: leads.example\r\n';

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 400],
  ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['an unknown method', `BREW ${path} HTTP/1.1\r\n${ok}\r\n`, 400],
  ['a header without a name', `POST ${path} HTTP/1.1\r\n${ok}: x\r\n\r\n`, 400],
  ['two lengths', `POST ${path} HTTP/1.1\r\n${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, 400],
  [
    'a length and chunks',
    `POST ${path} HTTP/1.1\r\n${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['a length that is no number', `POST ${path} HTTP/1.1\r\n${ok}Content-Length: many\r\n\r\n`, 400],
  ['a Host that is none', `POST ${path} HTTP/1.1\r\nHost: a b/c\r\n\r\n`, 400],
  ['a path with a backslash', `POST \\lead\\add HTTP/1.1\r\n${ok}\r\n`, 400],
  ['a tunnel', `CONNECT leads.example:443 HTTP/1.1\r\n${ok}\r\n`, 400],
  ['no Host', `POST ${path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`, 401],
  ['HTTP/1.0', `POST ${path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`, 401],
  [
    'an expectation that nobody knows',
    `POST ${path} HTTP/1.1\r\n${ok}Expect: wonders\r\nContent-Length: 0\r\n\r\n`,
    401,
  ],
  [
    'a wish to change the protocol',
    `POST ${path} HTTP/1.1\r\n${ok}Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n`,
    401,
  ],
  ['a whole address', `POST http://leads.example${path} HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 401],
  ['an address out of the root', `POST /../../etc/passwd HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 404],
  ['an asterisk', `OPTIONS * HTTP/1.1\r\n${ok}\r\n`, 400],
  ['an escape that is none', `POST /%zz%c0 HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 404],
  ['an odd method that exists', `PURGE ${path} HTTP/1.1\r\n${ok}\r\n`, 405],
])('%s is answered in form, and the server goes on', async (_what, bytes, status) => {
  const server = await startServer();
  const answer = await sendRaw(server, bytes);
  expect(answer.status).toBe(status);
  checkAnswer('addLead', answer);
  expect((await send(server, 'addLead')).status).toBe(200);
});

test('a query that cannot be decoded is no server error', async () => {
  const server = await startServer();
  const answer = await sendRaw(
    server,
    `POST ${path}?key=%zz&%=%ff HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`,
  );
  expect(answer.status).toBe(401);
});

test('rubbish after a whole request is not taken for its answer', async () => {
  const server = await startServer();
  const body = JSON.stringify(requestValue('addLead', 'accepted'));
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\n${ok}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const answer = await sendRaw(server, `${head}${body}\x00\x01rubbish\r\n\r\n`).catch(
    () => 'cut off' as const,
  );
  if (answer === 'cut off') return;
  expect(answer.status).toBe((await leadsIn(server.store)).length === 1 ? 200 : 400);
});

test('connections that are cut half-way leave nothing behind, and the server goes on', async () => {
  const server = await startServer();
  const { hostname, port } = new URL(server.url);
  const head = `POST ${path}?key=${server.key} HTTP/1.1\r\n${ok}Content-Type: application/json\r\nContent-Length: 200\r\n\r\n{"mobile":`;
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      const socket = connect(Number(port), hostname);
      return new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        socket.write(head.slice(0, 20 + index * 12), () => {
          socket.destroy();
          resolve();
        });
      });
    }),
  );
  expect((await send(server, 'addLead')).status).toBe(200);
  expect(await leadsIn(server.store)).toHaveLength(1);
});
