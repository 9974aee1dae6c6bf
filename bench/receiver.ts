/** A webhook receiver that accepts every lead. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((incoming, outgoing) => {
  incoming.resume();
  incoming.once('end', () => outgoing.writeHead(204).end());
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  // The cast: a server that listens on TCP has an address with a port.
  process.stdout.write(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
