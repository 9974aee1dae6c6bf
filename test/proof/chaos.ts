import { METHODS } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { openRaw, responsesOn, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { type MeasuredServer, startMeasured } from './measured-server.ts';

/** What a client does to its connection when it has sent as much of its request as it sends. */
const ends = ['reset', 'half-close', 'close', 'stall'] as const;

/** When it does that: errors come while the server reads, while it answers, and after that. */
const moments = ['at once', 'after a turn', 'after a millisecond', 'with the first answer'] as const;

/** How a request says where it ends, or what else it wants of the connection. */
const framings: Record<string, string> = {
  none: '\r\n',
  length: 'Content-Length: 2\r\n\r\n{}',
  'length beyond the end': 'Content-Length: 9\r\n\r\n{}',
  chunks: 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'coded chunks': 'Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  'chunks that are none': 'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
  upgrade: 'Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'upgrade with a body': 'Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}',
  expectation: 'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
};

const versions = ['1.1', '1.0', '2.0'] as const;

/** One connection, from its first byte to its end. */
export interface Disturbance {
  bytes: string;
  end: (typeof ends)[number];
  moment: (typeof moments)[number];
  /** Whether an add stands before the rest, so that it has to be answered whatever follows. */
  isBehindAdd: boolean;
}

export interface ChaosReport {
  connections: number;
  /** What should not be: a server that has ended, hangs, holds on to connections, or does not answer an add. */
  faults: string[];
  /** What the server said as a warning or worse. */
  complaints: string[];
}

/** So many connections are open at once, after which the server has to answer a request as if nothing had been. */
const batch = 200;
const metricsBatch = 50;

const mostFaults = 10;

/**
 * Every method and framing, cut in the middle of each part; and for those that the parser treats in a way of their own,
 * cut at every byte. Each is cut in every way, alone and behind an add.
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

/** What once ended the process: a tunnel is asked for, and the connection is reset while that is refused. */
export function resetTunnels(count: number): Disturbance[] {
  return Array.from({ length: count }, (_, index) => ({
    bytes: requestOf('CONNECT', '1.1', index % 2 === 0 ? '\r\n' : 'Content-Length: 9\r\n\r\n{}'),
    end: 'reset',
    moment: moments[(index >> 1) % moments.length] ?? 'at once',
    isBehindAdd: false,
  }));
}

/**
 * Disturbs a server of its own, and its metrics port, in every way.
 *
 * @param share how many of the disturbances; those are chosen by the seed
 */
export async function chaos(databaseUrl: string, share: number, seed: number): Promise<ChaosReport> {
  const server = await startMeasured({ DATABASE_URL: databaseUrl, DISPATCH: 'off' });
  const add = addFor(server.target);
  const all = disturbances(add);
  const chosen = share >= all.length ? all : fc.sample(fc.constantFrom(...all), { numRuns: share, seed });
  chosen.unshift(...resetTunnels(Math.min(batch, share)));
  const faults: string[] = [];
  const metrics = { url: new URL('/', server.metricsUrl).href, key: '' };
  // The first connections have everything loaded.
  await disturb(server.target, chosen.slice(0, batch), faults);
  const before = await server.measure();
  for (let done = 0; done < chosen.length && faults.length < mostFaults; done += batch) {
    const next = chosen.slice(done, done + batch);
    // There are no adds on the metrics port, which takes fewer connections.
    const others = next.filter(({ isBehindAdd }) => !isBehindAdd).slice(0, metricsBatch);
    await Promise.all([disturb(server.target, next, faults), disturb(metrics, others, faults)]);
    await checkAlive(server, faults);
  }
  if (faults.length === 0) await checkSockets(server, before.sockets, faults);
  await server.stop();
  return { connections: chosen.length, faults, complaints: server.complaints() };
}

/** An add with the key of the target, as it goes over the wire. */
export function addFor({ key }: Target): string {
  const body = JSON.stringify(requestValue('addLead', 'accepted'));
  return (
    `POST /lead/add?key=${key} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** Plays disturbances side by side, each on a connection of its own, and adds what should not be to the faults. */
export async function disturb(
  target: Target,
  these: readonly Disturbance[],
  faults: string[],
): Promise<void> {
  const stalled: Socket[] = [];
  await Promise.all(
    these.map(async (disturbance) => {
      const socket = openRaw(target, { allowHalfOpen: true });
      const fault = await play(socket, disturbance);
      if (fault !== undefined) faults.push(`${fault}\n  ${JSON.stringify(disturbance)}`);
      if (disturbance.end === 'stall') stalled.push(socket);
      else if (disturbance.end !== 'reset') socket.destroy();
    }),
  );
  for (const socket of stalled) socket.destroy();
}

async function play(socket: Socket, { bytes, end, moment, isBehindAdd }: Disturbance) {
  const first = responsesOn(socket, 1);
  socket.write(bytes);
  if (moment === 'after a turn') await nextTurn();
  if (moment === 'after a millisecond') await sleep(1);
  if (moment === 'with the first answer') await Promise.race([first, sleep(20)]);
  if (end === 'reset') socket.resetAndDestroy();
  if (end === 'close') socket.destroy();
  if (end === 'half-close') socket.end();
  // Only who keeps on reading can expect an answer.
  if (!isBehindAdd || end === 'reset' || end === 'close') return undefined;
  const [answer] = await first;
  return answer?.status === 200 ? undefined : `An add was answered ${answer?.status ?? 'not at all'}.`;
}

/** How long the server may take to answer when it has been disturbed, and to let go of connections (ms). */
const patience = 10_000;

async function checkAlive({ target }: MeasuredServer, faults: string[]): Promise<void> {
  try {
    const response = await fetch(`${target.url}/healthz`, { signal: AbortSignal.timeout(patience) });
    if (response.status !== 200) faults.push(`/healthz answers ${response.status}.`);
  } catch (error) {
    faults.push(`The server does not answer any more: ${error}.`);
  }
}

async function checkSockets(server: MeasuredServer, before: number, faults: string[]): Promise<void> {
  const end = performance.now() + patience;
  let { sockets } = await server.measure();
  while (sockets > before + 2 && performance.now() < end) {
    await sleep(100);
    ({ sockets } = await server.measure());
  }
  if (sockets > before + 2) faults.push(`${sockets} sockets are open, ${before} before.`);
}
