/**
 * A stand-in for VICIdial with its speed: two processors, each of which handles a request in 8 ms, so that it adds up
 * to 250 leads a second, however many requests are in flight. `MILLISECONDS` is another time for each request.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { phpForm } from '../test/harness/php-form.ts';
import { VicidialStandIn } from '../test/harness/vicidial.ts';

const processors = 2;
const milliseconds = Number(process.env['MILLISECONDS'] ?? 8);

const vicidial = new VicidialStandIn();
const waiting: (() => void)[] = [];
let free = processors;

/** Resolves when a processor is free. */
function processor(): Promise<void> {
  if (free === 0) return new Promise((resolve) => waiting.push(resolve));
  free -= 1;
  return Promise.resolve();
}

const server = createServer(async (incoming, outgoing) => {
  const form = phpForm(await text(incoming));
  await processor();
  await setTimeout(milliseconds);
  const response = await vicidial.respond(form);
  vicidial.forms.length = 0;
  const next = waiting.shift();
  if (next === undefined) free += 1;
  else next();
  outgoing.end(response);
});
server.listen(Number(process.env['PORT']), '127.0.0.1', () => {
  // The cast: a server that listens on TCP has an address with a port.
  process.stdout.write(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
