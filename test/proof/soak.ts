/**
 * `npm run soak`: partners, hostile clients and an operator for as long as is asked. Partners have to be answered all the
 * time, and in the end memory and handles have to be what they were.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../../src/store/open.ts';
import { parseDuration } from '../../src/text/duration.ts';
import { type Measurement, startMeasured } from './measured-server.ts';
import {
  disturbConnections,
  guessKeys,
  pauseAndResume,
  readNothing,
  reconnect,
  type Soak,
  sendAnything,
  sendLeads,
  stall,
} from './soak-clients.ts';

const { values } = parseArgs({ options: { for: { type: 'string', default: '10m' } } });
const duration = parseDuration(values.for);

/** So often it is measured; the first measurements, while all is being loaded, do not count. */
const measurements = 20;
const warmUp = 4;

/** What may be there more at the end than after the warm-up: bytes of the heap, and handles. */
const maxGrowth = { heap: 15 * 1024 * 1024, handles: 5 };

const senders = 4;
const stalled = 20;

/** Maximum time for what is due at the end to be delivered (ms). */
const patience = 120_000;

const directory = mkdtempSync(join(tmpdir(), 'leads-soak-'));
const url = `sqlite:${directory}/leads.db`;
const server = await startMeasured({ DATABASE_URL: url, DIALLER: 'log', TRUST_PROXY: 'loopback' });
const store = await openStore(url);
const soak: Soak = { target: server.target, isOn: true, requests: 0, faults: [] };

process.stdout.write(`A load for ${values.for}, measured ${measurements} times\n`);
process.stdout.write('  requests      heap  resident  handles\n');
const stalling = stall(server.target, stalled);
const measured: Measurement[] = [];
for (let index = 0; index < measurements; index += 1) {
  soak.isOn = true;
  const clients = startClients();
  await sleep(duration / measurements);
  soak.isOn = false;
  await clients;
  const now = await atRest();
  measured.push(now);
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`.padStart(9);
  process.stdout.write(
    `${String(soak.requests).padStart(10)} ${megabytes(now.heap)} ${megabytes(now.resident)} ${String(now.handles).padStart(8)}\n`,
  );
}
stalling.stop();
const isDelivered = await untilDelivered();
await store.close();
await server.stop();
rmSync(directory, { recursive: true });

const first = lowest(measured.slice(warmUp, warmUp + 4));
const last = lowest(measured.slice(-4));
const isFlat = last.heap - first.heap <= maxGrowth.heap && last.handles - first.handles <= maxGrowth.handles;
say(isFlat ? 'Heap and handles are flat.' : 'Heap or handles have grown more than chance explains.');
say(isDelivered ? 'All leads that were due are delivered.' : 'Leads that are due are not delivered.');
say(`Wrong responses to partners and invalid keys: ${soak.faults.length}`);
for (const fault of soak.faults.slice(0, 20)) say(`  ${fault}`);
if (!isFlat || !isDelivered || soak.faults.length > 0) process.exitCode = 1;

function startClients(): Promise<unknown> {
  return Promise.all([
    ...Array.from({ length: senders }, () => sendLeads(soak)),
    sendAnything(soak),
    disturbConnections(soak),
    readNothing(soak),
    guessKeys(soak),
    reconnect(soak),
    pauseAndResume(soak, store),
  ]);
}

/** Measures once the server has noticed the end of the clients' connections. */
async function atRest(): Promise<Measurement> {
  let before = await server.measure();
  for (let look = 0; look < 50; look += 1) {
    await sleep(100);
    const now = await server.measure();
    if (now.handles === before.handles) return now;
    before = now;
  }
  return before;
}

/** Whether everything that is due is delivered, now that nobody pauses it any more. */
async function untilDelivered(): Promise<boolean> {
  const end = performance.now() + patience;
  while (performance.now() < end) {
    const { due, duePaused } = await store.workload();
    if (due + duePaused === 0) return true;
    await sleep(200);
  }
  return false;
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

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
