/**
 * A receiver in a process of its own, so that it does not get into the way of who measures. It prints
 * its address, and at the end, asked by a line on its standard input, what it has got.
 */
import { createServer } from 'node:http';

const ids = new Set<string>();
let count = 0;
let maxConcurrent = 0;
let maxBurst = 0;

const server = createServer((incoming, outgoing) => {
  maxConcurrent += 1;
  maxBurst = Math.max(maxBurst, maxConcurrent);
  count += 1;
  ids.add(String(incoming.headers['webhook-id']));
  incoming.resume();
  outgoing.once('close', () => {
    maxConcurrent -= 1;
  });
  setTimeout(() => outgoing.writeHead(204).end(), 5);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/\n`);
});
process.stdin.on('data', () => {
  process.stdout.write(`${JSON.stringify({ count, different: ids.size, maxBurst })}\n`);
});
