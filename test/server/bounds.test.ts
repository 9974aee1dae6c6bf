/** Whatever a stranger can make grow has an end, and who keeps to the rules does not notice. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readContract } from '../../src/contract/document.ts';
import { WrongKeys } from '../../src/server/wrong-keys.ts';
import { post, send, sendRaw } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { startServer, submissionsIn, type TestServer } from '../harness/server.ts';

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

test('a body is saved whole up to the largest that is taken, in however many packets it comes', async () => {
  const server = await startServer();
  const maxBytes = readContract().operations.find(({ id }) => id === 'addLead')?.maxBytes ?? 0;
  const lead = JSON.stringify(person);
  // Node reads 64 KiB at a time from a connection, with the head: those around it come in one part or in two.
  const sizes = [65_000, 65_200, 65_400, 65_536, 66_000, 100_000, maxBytes];
  const texts = sizes.map((size) => `${lead.slice(0, -1)}${' '.repeat(size - lead.length)}}`);
  for (const text of texts) expect((await send(server, 'addLead', { text })).status).toBe(200);
  const saved = await submissionsIn(server.store);
  expect(saved.map(({ content }) => content).toReversed()).toEqual(texts);
});

test('of ever new addresses that send wrong keys the oldest are forgotten, and no other', () => {
  // Else who waits a second may send one more.
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const wrongKeys = new WrongKeys();
  const exhaust = (address: string) => {
    for (let sent = 0; wrongKeys.blocks(address) === 0; sent += 1) {
      if (sent > 1_000) throw new Error(`${address} may send any number of wrong keys.`);
      wrongKeys.failed(address);
    }
  };
  exhaust('192.0.2.1');
  for (let number = 0; number < 5_000; number += 1) wrongKeys.failed(`2001:db8:0:${number.toString(16)}::1`);
  exhaust('192.0.2.2');
  expect(wrongKeys.blocks('192.0.2.1')).toBeGreaterThan(0);
  for (let number = 5_000; number < 10_000; number += 1)
    wrongKeys.failed(`2001:db8:0:${number.toString(16)}::1`);
  expect(wrongKeys.blocks('192.0.2.1')).toBe(0);
  expect(wrongKeys.blocks('192.0.2.2')).toBeGreaterThan(0);
});
