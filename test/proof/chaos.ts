import { METHODS } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTick, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { openRaw, rawRequest, responsesOn, type Target } from '../harness/client.ts';
import type { AtEnd } from '../harness/process.ts';
import { type MeasuredServer, startMeasured } from './measured-server.ts';

/** What a client does to its connection after sending a part of its request. */
export const ends = ['reset', 'half-close', 'close', 'stall'] as const;

/** When the client does that: while the server reads, while it responds, or afterwards. */
export const moments = ['at once', 'after a tick', 'after a millisecond', 'with the first response'] as const;

/** Ways in which a request declares its end, or asks for something else of the connection. */
const framings: Record<string, string> = {
  none: '\r\n',
  length: 'Content-Length: 2\r\n\r\n{}',
  'length beyond the end': 'Content-Length: 9\r\n\r\n{}',
  chunks: 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'coded chunks': 'Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'invalid chunks': 'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
  upgrade: 'Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'upgrade with a body': 'Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}',
  expectation: 'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
};

const versions = ['1.1', '1.0', '2.0'] as const;

/** Everything that happens on one connection. */
export interface Disturbance {
  bytes: string;
  end: (typeof ends)[number];
  moment: (typeof moments)[number];
  /** Whether a valid add precedes the rest, which the server must respond to whatever follows. */
  isBehindAdd: boolean;
}

export interface ChaosReport {
  connections: number;
  /** Faults: the server exited, hangs, leaks connections, or does not respond to an add. */
  faults: string[];
  /** Lines that the server logged as a warning or worse. */
  warnings: string[];
}

/** Number of connections open at once. After each batch the server must respond normally. */
const batch = 200;
const metricsBatch = 50;

const maxFaults = 10;

/**
 * Returns requests with every method and framing, cut in the middle of each part, and those with special handling in
 * the parser cut at every byte. Each is combined with every end, alone and behind an add.
 */
export function disturbances(add: string): Disturbance[] {
  const found: Disturbance[] = [];
  const cutAt = (request: string, at: number, moment: number) => {
    for (const end of ends) {
      for (const isBehindAdd of [false, true]) {
        const bytes = (isBehindAdd ? add : '') + request.slice(0, at);
        const chosen = moments[(found.length + moment) % moments.length] ?? 'at once';
        found.push({ bytes, end, moment: chosen, isBehindAdd });
      }
    }
  };
  for (const framing of Object.values(framings)) {
    for (const method of [...METHODS, 'BREW']) {
      const request = requestOf(method, '1.1', framing);
      const head = request.indexOf('\r\n\r\n') + 4;
      for (const [index, at] of [1, 30, head, request.length].entries()) cutAt(request, at, index);
    }
    for (const method of ['CONNECT', 'POST']) {
      const request = requestOf(method, '1.1', framing);
      for (let at = 0; at <= request.length; at += 1) cutAt(request, at, at);
    }
    for (const version of versions) cutAt(requestOf('POST', version, framing), Number.MAX_SAFE_INTEGER, 0);
  }
  return found;
}

function requestOf(method: string, version: string, framing: string): string {
  const path = method === 'CONNECT' ? 'leads.example:443' : '/lead/status';
  return `${method} ${path} HTTP/${version}\r\nHost: leads.example\r\n${framing}`;
}

/** Returns requests for a tunnel whose connection is reset while the server refuses them. */
export function resetTunnels(count: number): Disturbance[] {
  return Array.from({ length: count }, (_, index) => ({
    bytes: requestOf('CONNECT', '1.1', index % 2 === 0 ? '\r\n' : 'Content-Length: 9\r\n\r\n{}'),
    end: 'reset',
    moment: moments[(index >> 1) % moments.length] ?? 'at once',
    isBehindAdd: false,
  }));
}

/**
 * Starts a server and disturbs it, and its metrics port, in every way.
 *
 * @param share number of disturbances, chosen by the seed
 */
export async function chaos(
  atEnd: AtEnd,
  databaseUrl: string,
  share: number,
  seed: number,
): Promise<ChaosReport> {
  const server = await startMeasured(atEnd, { DATABASE_URL: databaseUrl, DISPATCH: 'off' });
  try {
    return { ...(await disturbAndCheck(server, share, seed)), warnings: server.warnings() };
  } finally {
    await server.stop();
  }
}

async function disturbAndCheck(
  server: MeasuredServer,
  share: number,
  seed: number,
): Promise<Omit<ChaosReport, 'warnings'>> {
  const add = addFor(server.target);
  const all = disturbances(add);
  const chosen = share >= all.length ? all : fc.sample(fc.constantFrom(...all), { numRuns: share, seed });
  chosen.unshift(...resetTunnels(Math.min(batch, share)));
  const faults: string[] = [];
  const metrics = { url: new URL('/', server.metricsUrl).href, key: '' };
  // The first connections make the server load everything it needs.
  await disturb(server.target, chosen.slice(0, batch), faults);
  const before = await server.measure();
  for (let done = 0; done < chosen.length && faults.length < maxFaults; done += batch) {
    const next = chosen.slice(done, done + batch);
    // The metrics port has no adds and allows fewer connections.
    const others = next.filter(({ isBehindAdd }) => !isBehindAdd).slice(0, metricsBatch);
    await Promise.all([disturb(server.target, next, faults), disturb(metrics, others, faults)]);
    await checkAlive(server, faults);
  }
  if (faults.length === 0) await checkSockets(server, before.sockets, faults);
  return { connections: chosen.length, faults };
}

/** Returns an add with the target's key as it is sent on a connection. */
export function addFor(target: Target): string {
  const { head, body } = rawRequest(target, 'addLead');
  return head + body;
}

/** Runs disturbances concurrently, each on its own connection, and appends faults to the list. */
export async function disturb(
  target: Target,
  these: readonly Disturbance[],
  faults: string[],
): Promise<void> {
  const stalled: Socket[] = [];
  await Promise.all(
    these.map(async (disturbance) => {
      const socket = openRaw(target, { allowHalfOpen: true });
      const fault = await perform(socket, disturbance);
      if (fault !== undefined) faults.push(`${fault}\n  ${JSON.stringify(disturbance)}`);
      if (disturbance.end === 'stall') stalled.push(socket);
      else if (disturbance.end !== 'reset') socket.destroy();
    }),
  );
  for (const socket of stalled) socket.destroy();
}

async function perform(socket: Socket, { bytes, end, moment, isBehindAdd }: Disturbance) {
  const first = responsesOn(socket, 1);
  socket.write(bytes);
  if (moment === 'after a tick') await nextTick();
  if (moment === 'after a millisecond') await sleep(1);
  if (moment === 'with the first response') await Promise.race([first, sleep(20)]);
  if (end === 'reset') socket.resetAndDestroy();
  if (end === 'close') socket.destroy();
  if (end === 'half-close') socket.end();
  // A client that closed its connection receives no response.
  if (!isBehindAdd || end === 'reset' || end === 'close') return undefined;
  const [response] = await first;
  return response?.status === 200
    ? undefined
    : `The response to an add was ${response?.status ?? 'missing'}.`;
}

/** Maximum time for a response after disturbances, and for closing connections (ms). */
const timeout = 10_000;

async function checkAlive({ target }: MeasuredServer, faults: string[]): Promise<void> {
  try {
    const response = await fetch(`${target.url}/healthz`, { signal: AbortSignal.timeout(timeout) });
    if (response.status !== 200) faults.push(`/healthz responds with ${response.status}.`);
  } catch (error) {
    faults.push(`The server no longer responds: ${error}.`);
  }
}

async function checkSockets(server: MeasuredServer, before: number, faults: string[]): Promise<void> {
  const end = performance.now() + timeout;
  let { sockets } = await server.measure();
  while (sockets > before + 2 && performance.now() < end) {
    await sleep(100);
    ({ sockets } = await server.measure());
  }
  if (sockets > before + 2) faults.push(`${sockets} sockets are open, ${before} before.`);
}
