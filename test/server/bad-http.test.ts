/** Scanners, faulty proxies and half-open connections get well-formed responses, and the server keeps running. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openRaw, rawRequest, responsesOn, send, sendRaw } from '../harness/client.ts';
import { checkResponse, operationOf, requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { leadsIn, startServer, submissionsIn } from '../harness/server.ts';

const { path } = operationOf('addLead');
const ok = 'Host: leads.example\r\n';

test.each([
  ['text that is not HTTP', 'hello\r\n\r\n', 400],
  ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['an unknown method', `BREW ${path} HTTP/1.1\r\n${ok}\r\n`, 501],
  ['an unknown method without a version', `BREW ${path}\r\n${ok}\r\n`, 400],
  ['HTTP/2 in the form of HTTP/1', `POST ${path} HTTP/2.0\r\n${ok}Content-Length: 0\r\n\r\n`, 505],
  ['HTTP/3 in the form of HTTP/1', `POST ${path} HTTP/3.0\r\n${ok}Content-Length: 0\r\n\r\n`, 505],
  ['HTTP/0.9 with a version', `POST ${path} HTTP/0.9\r\n${ok}Content-Length: 0\r\n\r\n`, 505],
  ['two Hosts', `POST ${path} HTTP/1.1\r\n${ok}Host: other.example\r\nContent-Length: 0\r\n\r\n`, 400],
  ['one Host twice', `POST ${path} HTTP/1.1\r\n${ok}${ok}Content-Length: 0\r\n\r\n`, 400],
  ['two Hosts in HTTP/1.0', `POST ${path} HTTP/1.0\r\n${ok}HOST: other\r\nContent-Length: 0\r\n\r\n`, 400],
  [
    'a transfer coding before chunked',
    `POST ${path} HTTP/1.1\r\n${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  [
    'a transfer coding in a separate header',
    `POST ${path} HTTP/1.1\r\n${ok}Transfer-Encoding: GZIP\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  [
    'chunked twice',
    `POST ${path} HTTP/1.1\r\n${ok}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'a transfer coding after chunked',
    `POST ${path} HTTP/1.1\r\n${ok}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'a transfer coding in HTTP/1.0',
    `POST ${path} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    'a Host after a hundred headers',
    `POST ${path} HTTP/1.1\r\n${'A: b\r\n'.repeat(101)}${ok}Content-Length: 0\r\n\r\n`,
    431,
  ],
  ['a hundred headers', `POST ${path} HTTP/1.1\r\n${ok}${'A: b\r\n'.repeat(99)}\r\n`, 401],
  ['a hundred and one headers', `POST ${path} HTTP/1.1\r\n${ok}${'A: b\r\n'.repeat(100)}\r\n`, 431],
  ['no length', `POST ${path} HTTP/1.1\r\n${ok}\r\n`, 401],
  ['an empty Host', `POST ${path} HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n`, 401],
  ['a header without a name', `POST ${path} HTTP/1.1\r\n${ok}: x\r\n\r\n`, 400],
  ['two lengths', `POST ${path} HTTP/1.1\r\n${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, 400],
  [
    'a length and chunks',
    `POST ${path} HTTP/1.1\r\n${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ['a length that is not a number', `POST ${path} HTTP/1.1\r\n${ok}Content-Length: many\r\n\r\n`, 400],
  ['an invalid Host', `POST ${path} HTTP/1.1\r\nHost: a b/c\r\n\r\n`, 400],
  ['a path with a backslash', `POST \\lead\\add HTTP/1.1\r\n${ok}\r\n`, 400],
  ['a tunnel', `CONNECT leads.example:443 HTTP/1.1\r\n${ok}\r\n`, 501],
  ['a tunnel with a body', `CONNECT leads.example:443 HTTP/1.1\r\n${ok}Content-Length: 9\r\n\r\n{`, 501],
  ['no Host', `POST ${path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`, 400],
  ['HTTP/1.0', `POST ${path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`, 401],
  [
    'an unknown expectation',
    `POST ${path} HTTP/1.1\r\n${ok}Expect: wonders\r\nContent-Length: 0\r\n\r\n`,
    401,
  ],
  [
    'an upgrade request',
    `POST ${path} HTTP/1.1\r\n${ok}Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n`,
    401,
  ],
  ['an absolute URL', `POST http://leads.example${path} HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 401],
  ['a path above the root', `POST /../../etc/passwd HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 404],
  ['an asterisk', `OPTIONS * HTTP/1.1\r\n${ok}\r\n`, 400],
  ['an invalid escape sequence', `POST /%zz%c0 HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`, 404],
  ['a rare method', `PURGE ${path} HTTP/1.1\r\n${ok}\r\n`, 405],
])('returns a well-formed response to %s and keeps running', async (_what, bytes, status) => {
  const server = await startServer();
  const response = await sendRaw(server, bytes);
  expect(response.status).toBe(status);
  checkResponse('addLead', response);
  expect((await send(server, 'addLead')).status).toBe(200);
});

test('rejects a query that cannot be decoded without a server error', async () => {
  const server = await startServer();
  const response = await sendRaw(
    server,
    `POST ${path}?key=%zz&%=%ff HTTP/1.1\r\n${ok}Content-Length: 0\r\n\r\n`,
  );
  expect(response.status).toBe(401);
});

test('responds to a complete request before it refuses the garbage after it', async () => {
  const server = await startServer();
  const { head, body } = rawRequest(server, 'addLead');
  const socket = openRaw(server);
  socket.write(`${head}${body}\x00\x01rubbish\r\n\r\n`);
  const responses = await responsesOn(socket);
  expect(responses.map(({ status }) => status)).toEqual([200, 400]);
  expect(await leadsIn(server.store)).toHaveLength(1);
});

test('saves nothing of aborted requests, even if their JSON is complete, and keeps running', async () => {
  const statuses: number[] = [];
  const server = await startServer({ onResponse: ({ status }) => void statuses.push(status) });
  const count = 20;
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const lead = { ...requestValue('addLead', 'accepted'), mobile: mobileOf(index) };
      const { head, body } = rawRequest(server, 'addLead', lead, {
        Expect: '100-continue',
        // The last byte never arrives.
        'Content-Length': String(Buffer.byteLength(JSON.stringify(lead)) + 1),
      });
      const socket = openRaw(server);
      socket.write(head);
      // `100 Continue` shows that the head was read.
      await once(socket, 'data');
      await new Promise((resolve) => socket.write(index % 2 === 0 ? body : body.slice(0, index), resolve));
      socket.destroy();
    }),
  );
  await expect.poll(() => statuses.length).toBe(count);
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
  expect((await send(server, 'addLead')).status).toBe(200);
});
