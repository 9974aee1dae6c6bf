/** Whatever a stranger can make grow has an end, and who keeps to the rules does not notice. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { post, sendRaw } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { startServer, type TestServer } from '../harness/server.ts';

const person = requestValue('addLead', 'accepted');

function connectTo(server: TestServer): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('a sender whose headers do not end is cut off, and told so', async () => {
  const server = await startServer({ headersTimeout: 200 });
  const answer = await sendRaw(server, 'POST /lead/add HTTP/1.1\r\nHost: leads.example\r\nX-Slow: ');
  expect({ status: answer.status, json: answer.json }).toEqual({
    status: 408,
    json: responseValue('addLead', 408, 'too-slow'),
  });
});

test('a sender that drips headers is cut off all the same', async () => {
  const server = await startServer({ headersTimeout: 300 });
  const socket = connectTo(server);
  socket.write('POST /lead/add HTTP/1.1\r\nHost: leads.example\r\n');
  const drip = setInterval(() => socket.write('X-Slow: a\r\n'), 50);
  socket.on('error', () => {});
  await new Promise((resolve) => socket.resume().on('close', resolve));
  clearInterval(drip);
  expect((await post(server, 'addLead', person)).status).toBe(200);
});

test('more connections than there is room for are refused, and the others are served', async () => {
  const server = await startServer({ mostConnections: 5 });
  const idle = Array.from({ length: 4 }, () => connectTo(server));
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  const answer = await post(server, 'addLead', person);
  expect(answer.status).toBe(200);
  const beyond = Array.from({ length: 3 }, () => connectTo(server));
  await Promise.all(beyond.map((socket) => once(socket.resume(), 'close')));
  for (const socket of idle) socket.destroy();
  await expect.poll(async () => (await post(server, 'addLead', person)).status).toBe(200);
});

test('JSON that is nested as deep as a body can hold is refused like any other that does not fit', async () => {
  const server = await startServer();
  const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
  for (const body of [
    deep,
    `{"first_name":${deep}}`,
    `{"a":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`,
  ]) {
    const head = `POST /lead/add?key=${server.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
    const answer = await sendRaw(server, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    expect(answer.status).toBe(400);
  }
});
