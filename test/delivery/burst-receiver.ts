/**
 * A receiver in its own process, so that it does not affect the measurement. It prints its URL and, for each line on
 * standard input, what it has received so far.
 */
import { createServer } from 'node:http';

const ids = new Set<string>();
let count = 0;
let concurrent = 0;
let maxConcurrency = 0;

const server = createServer((incoming, outgoing) => {
  concurrent += 1;
  maxConcurrency = Math.max(maxConcurrency, concurrent);
  count += 1;
  ids.add(String(incoming.headers['webhook-id']));
  incoming.resume();
  outgoing.once('close', () => {
    concurrent -= 1;
  });
  setTimeout(() => outgoing.writeHead(204).end(), 5);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/\n`);
});
process.stdin.on('data', () => {
  process.stdout.write(`${JSON.stringify({ count, different: ids.size, maxConcurrency })}\n`);
});
