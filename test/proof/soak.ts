/**
 * `npm run soak`: runs partners, hostile clients and an operator for a given time. Partners must get correct responses
 * all the time, and neither memory nor handles may grow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStore } from '../../src/store/open.ts';
import { parseDuration } from '../../src/text/duration.ts';
import { atExit } from './endings.ts';
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

/** Number of measurements; the first ones, during the warm-up, do not count. */
const measurements = 20;
const warmUp = 4;

/** Maximum growth after the warm-up: heap (bytes) and handles. */
const maxGrowth = { heap: 15 * 1024 * 1024, handles: 5 };

const senders = 4;
const stalled = 20;

/** Maximum time to deliver the due leads at the end (ms). */
const deliveryTimeout = 120_000;

const directory = mkdtempSync(join(tmpdir(), 'leads-soak-'));
atExit(() => rmSync(directory, { recursive: true, force: true }));
const url = `sqlite:${directory}/leads.db`;
const server = await startMeasured(atExit, { DATABASE_URL: url, DIALLER: 'log', TRUST_PROXY: 'loopback' });
const store = await openStore(url);
const soak: Soak = { target: server.target, isRunning: true, requests: 0, faults: [] };

process.stdout.write(`A load for ${values.for}, measured ${measurements} times\n`);
process.stdout.write('  requests      heap  resident  handles\n');
const stalling = stall(server.target, stalled);
const measured: Measurement[] = [];
for (let index = 0; index < measurements; index += 1) {
  soak.isRunning = true;
  const clients = startClients();
  await sleep(duration / measurements);
  soak.isRunning = false;
  await clients;
  const now = await measureAtRest();
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

const first = minimumOf(measured.slice(warmUp, warmUp + 4));
const last = minimumOf(measured.slice(-4));
const isFlat = last.heap - first.heap <= maxGrowth.heap && last.handles - first.handles <= maxGrowth.handles;
print(isFlat ? 'Heap and handles are flat.' : 'The heap or the number of handles has grown.');
print(isDelivered ? 'All due leads were delivered.' : 'Some due leads were not delivered.');
print(`Wrong responses to partners and invalid keys: ${soak.faults.length}`);
for (const fault of soak.faults.slice(0, 20)) print(`  ${fault}`);
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

/** Measures after the server has closed the clients' connections. */
async function measureAtRest(): Promise<Measurement> {
  let before = await server.measure();
  for (let attempt = 0; attempt < 50; attempt += 1) {
    await sleep(100);
    const now = await server.measure();
    if (now.handles === before.handles) return now;
    before = now;
  }
  return before;
}

/** Returns whether all due leads are delivered, once no delivery is paused any more. */
async function untilDelivered(): Promise<boolean> {
  const end = performance.now() + deliveryTimeout;
  while (performance.now() < end) {
    const { due, duePaused } = await store.leadStats();
    if (due + duePaused === 0) return true;
    await sleep(200);
  }
  return false;
}

/** Returns the minimum of each value, because uncollected garbage varies. */
function minimumOf(these: readonly Measurement[]): Measurement {
  return {
    heap: Math.min(...these.map(({ heap }) => heap)),
    resident: Math.min(...these.map(({ resident }) => resident)),
    handles: Math.min(...these.map(({ handles }) => handles)),
    sockets: Math.min(...these.map(({ sockets }) => sockets)),
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
