import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Store } from '../../src/store/store.ts';
import { openRaw, rawRequest, send, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { addFor, disturb, disturbances } from './chaos.ts';
import { fuzzedRequest } from './hostile-requests.ts';
import { RawConnection } from './raw-connection.ts';

/** State that all clients share. */
export interface Soak {
  target: Target;
  /** Whether the clients continue. */
  isRunning: boolean;
  /** Number of requests sent. */
  requests: number;
  /** Wrong responses to partners and to invalid keys. */
  faults: string[];
}

const person = requestValue('addLead', 'accepted');

/** A partner that adds people, some twice, and looks up and cancels some. Every response must be 200. */
export async function sendLeads(soak: Soak): Promise<void> {
  const expectOk = async (response: ReturnType<typeof send>) => {
    const { status, text } = await response;
    if (status !== 200) soak.faults.push(`The response to a partner was ${status} ${text}`);
  };
  while (soak.isRunning) {
    soak.requests += 1;
    const number = soak.requests;
    const named = { mobile: `0784${String(number % 10_000_000).padStart(7, '0')}`, type: person['type'] };
    const headers = { 'Idempotency-Key': `soak-${number}` };
    await expectOk(
      send(soak.target, 'addLead', { headers, body: { ...person, ...named, delays: number % 3 } }),
    );
    if (number % 5 === 0) await expectOk(send(soak.target, 'cancelLead', { body: named }));
    if (number % 7 === 0) await expectOk(send(soak.target, 'leadStatus', { body: named }));
  }
}

/** An unauthenticated client that sends anything, on short-lived connections. */
export async function sendAnything(soak: Soak): Promise<void> {
  for (let seed = randomSeed(); soak.isRunning; seed += 1) {
    const connection = new RawConnection(soak.target.url);
    for (const { bytes } of fc.sample(fuzzedRequest(soak.target.key), { numRuns: 20, seed })) {
      soak.requests += 1;
      // `npm run fuzz` checks the responses.
      await connection.exchange(bytes).catch(() => connection.close());
    }
    connection.close();
  }
}

/** A broken network: connections that are reset, half-closed and stalled at every byte. */
export async function disturbConnections(soak: Soak): Promise<void> {
  const all = fc.constantFrom(...disturbances(addFor(soak.target)));
  for (let seed = randomSeed(); soak.isRunning; seed += 1) {
    // `npm run fuzz` checks the responses to the adds.
    await disturb(soak.target, fc.sample(all, { numRuns: 20, seed }), []);
    soak.requests += 20;
  }
}

function randomSeed(): number {
  return Math.floor(Math.random() * 1_000_000);
}

/** A client that requests large responses on many connections and reads none. */
export async function readNothing(soak: Soak): Promise<void> {
  const { head, body } = rawRequest(soak.target, 'leadStatus');
  const lookUp = head + body;
  const documents = ['/docs/reference.html', '/openapi.json', '/openapi.yaml'].map(
    (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  while (soak.isRunning) {
    const held = Array.from({ length: 20 }, (_, index) => {
      const socket = openRaw(soak.target).pause();
      socket.write((documents[index % 4] ?? lookUp).repeat(50));
      return socket;
    });
    soak.requests += 50 * held.length;
    await sleep(500);
    for (const socket of held) socket.destroy();
  }
}

/** A client that guesses keys from changing addresses, as reported by a proxy. */
export async function guessKeys(soak: Soak): Promise<void> {
  while (soak.isRunning) {
    const address = [10, ...randomBytes(3)].join('.');
    const key = `leads_${randomBytes(24).toString('base64url')}`;
    const headers = { 'X-Forwarded-For': `${address}:4711` };
    const { status } = await send({ ...soak.target, key }, 'leadStatus', { headers });
    soak.requests += 1;
    if (status !== 401 && status !== 429) soak.faults.push(`The response to an invalid key was ${status}`);
  }
}

/** A client that opens a connection for each request. */
export async function reconnect(soak: Soak): Promise<void> {
  const add = Buffer.from(addFor(soak.target));
  while (soak.isRunning) {
    const connection = new RawConnection(soak.target.url);
    soak.requests += 1;
    await connection.exchange(add).catch((error) => soak.faults.push(`A new connection: ${error}`));
    connection.close();
  }
}

/** An operator who pauses and resumes the delivery of one type or of all types. */
export async function pauseAndResume(soak: Soak, store: Store): Promise<void> {
  for (let round = 0; soak.isRunning; round += 1) {
    const type = round % 2 === 0 ? undefined : String(person['type']);
    await store.pauseDelivery({ type, by: 'operator', reason: 'soak' });
    await sleep(300);
    await store.resumeDelivery(type);
    await sleep(300);
  }
}

/** Connections that stall within a request until the server closes them, and are then opened again. */
export function stall(target: Target, count: number): { stop(): void } {
  const beginnings = [
    '',
    'POST /lead/add HT',
    'POST /lead/add HTTP/1.1\r\nHost: a\r\nContent-Le',
    `POST /lead/add?key=${target.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{"email":`,
    `POST /lead/add?key=${target.key} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{`,
  ];
  const sockets = new Set<Socket>();
  let isRunning = true;
  const keepStalling = async (index: number) => {
    while (isRunning) {
      const socket = openRaw(target);
      sockets.add(socket);
      socket.resume().write(beginnings[index % beginnings.length] ?? '');
      await once(socket, 'close');
      sockets.delete(socket);
    }
  };
  for (let index = 0; index < count; index += 1) void keepStalling(index);
  return {
    stop: () => {
      isRunning = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}
