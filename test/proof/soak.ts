/** `npm run soak`: a steady load for as long as is asked, after which memory and handles are what they were. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { readDuration } from '../../src/environment/duration.ts';
import { send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { addFor, disturb, disturbances } from './chaos.ts';
import { fuzzedRequest } from './hostile-requests.ts';
import { type Measurement, startMeasured } from './measured-server.ts';
import { RawConnection } from './raw-connection.ts';

const { values } = parseArgs({ options: { for: { type: 'string', default: '10m' } } });
const duration = readDuration(values.for);

/** So often it is measured; the first measurements, while all is being loaded, do not count. */
const measurements = 20;
const warmUp = 4;

/** What may be there more at the end than after the warm-up: bytes of the heap, and handles. */
const mostGrowth = { heap: 15 * 1024 * 1024, handles: 5 };

const senders = 4;
const person = requestValue('addLead', 'accepted');
const directory = mkdtempSync(join(tmpdir(), 'leads-soak-'));
const server = await startMeasured({ DATABASE_URL: `sqlite:${directory}/leads.db`, DIALLER: 'log' });
let count = 0;
let stopping = false;

process.stdout.write(`A load for ${values.for}, measured ${measurements} times\n`);
process.stdout.write('  requests      heap  resident  handles\n');
const sending = Promise.all([
  ...Array.from({ length: senders }, sendLeads),
  sendAnything(),
  disturbConnections(),
]);
const measured: Measurement[] = [];
for (let index = 0; index < measurements; index += 1) {
  await sleep(duration / measurements);
  const now = await server.measure();
  measured.push(now);
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`.padStart(9);
  process.stdout.write(
    `${String(count).padStart(10)} ${megabytes(now.heap)} ${megabytes(now.resident)} ${String(now.handles).padStart(8)}\n`,
  );
}
stopping = true;
await sending;
await server.stop();
rmSync(directory, { recursive: true });

const first = lowest(measured.slice(warmUp, warmUp + 4));
const last = lowest(measured.slice(-4));
const isFlat =
  last.heap - first.heap <= mostGrowth.heap && last.handles - first.handles <= mostGrowth.handles;
process.stdout.write(
  isFlat ? 'Heap and handles are flat.\n' : 'Heap or handles have grown more than chance explains.\n',
);
if (!isFlat) process.exitCode = 1;

/** A partner: adds people, some twice, looks some up, and cancels some. */
async function sendLeads(): Promise<void> {
  while (!stopping) {
    count += 1;
    const mobile = `0784${String(count % 10_000_000).padStart(7, '0')}`;
    const named = { mobile, type: person['type'] };
    const headers = { 'Idempotency-Key': `soak-${count}` };
    await send(server.target, 'addLead', { headers, body: { ...person, mobile, delays: count % 3 } });
    if (count % 5 === 0) await send(server.target, 'cancelLead', { body: named });
    if (count % 7 === 0) await send(server.target, 'leadStatus', { body: named });
  }
}

/** A stranger: sends what comes to mind, on connections that are made and dropped. */
async function sendAnything(): Promise<void> {
  for (let seed = 0; !stopping; seed += 1) {
    const connection = new RawConnection(server.target.url);
    for (const { bytes } of fc.sample(fuzzedRequest(server.target.key), { numRuns: 20, seed })) {
      count += 1;
      // Whether the answers are right is `npm run fuzz`’s business.
      await connection.exchange(bytes).catch(() => connection.close());
    }
    connection.close();
  }
}

/** A broken network: connections that are reset, half-closed and stalled at every byte. */
async function disturbConnections(): Promise<void> {
  const all = fc.constantFrom(...disturbances(addFor(server.target)));
  for (let seed = 0; !stopping; seed += 1) {
    // Whether the adds among them are answered is `npm run fuzz`’s business.
    await disturb(server.target, fc.sample(all, { numRuns: 20, seed }), []);
    count += 20;
  }
}

/** The least of each, since garbage that is not collected yet is chance. */
function lowest(these: readonly Measurement[]): Measurement {
  return {
    heap: Math.min(...these.map(({ heap }) => heap)),
    resident: Math.min(...these.map(({ resident }) => resident)),
    handles: Math.min(...these.map(({ handles }) => handles)),
    sockets: Math.min(...these.map(({ sockets }) => sockets)),
  };
}
