/** Node without a framework: parses JSON and returns it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { announce, port } from './announce.ts';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const text = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});
// The cast: a server that listens on TCP has an address with a port.
server.listen(port, '127.0.0.1', () => announce((server.address() as AddressInfo).port));
