import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap } from '../../src/app/bootstrap.ts';
import { openStore } from '../../src/store/open.ts';
import { rawRequest, send, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { type AtEnd, finished, startUntil } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';
import { CrashLedger, type CrashReport, type PlannedRequest } from './crash-ledger.ts';
import { RawConnection } from './raw-connection.ts';

const senders = 16;

/** Maximum time from the first request until the server is killed (ms). */
const maxRunTime = 700;

/** Maximum number of times that a take prints something before it is killed. */
const maxPrints = 4;

/** Number of rounds per round in which `leads due --take` delivers leads while the server is under load. */
const roundsPerTake = 5;

/** Maximum time from the beginning of a start, and of a stop, to its interruption (ms). */
const maxStart = 500;
const maxStop = 50;

/** Number of rows of a request to add many leads. */
const rowsPerRequest = 8;

const person = requestValue('addLead', 'accepted');

/**
 * Kills the server under load at a random moment and restarts it, round after round on one store. In some rounds it
 * kills `leads due --take` too. Then compares what was acknowledged with what is stored.
 *
 * @param atEnd registers how each process is ended if the rounds fail
 * @param url of an empty store
 * @param onRound called after each round
 */
export async function crashRounds(
  atEnd: AtEnd,
  url: string,
  rounds: number,
  onRound: (round: number) => void = () => {},
): Promise<CrashReport> {
  const store = await openStore(url);
  const first = await bootstrap(store);
  if (first === undefined) throw new Error('The store for the crash test is not empty.');
  // No other process has the store open, so each server is the first to open it and the last to close it.
  await store.close();
  const ledger = new CrashLedger();
  let unacknowledged: PlannedRequest[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer(atEnd, url);
    const target = { url: server.url, key: first.key };
    await resend(target, unacknowledged, ledger);
    const load = startLoad(target, round, ledger);
    if (round % roundsPerTake === roundsPerTake - 1) {
      await killTake(atEnd, url, ledger);
      await sendDelivered(target, 'cancelLead', ledger);
    } else await sleep(Math.random() * maxRunTime);
    await server.kill();
    unacknowledged = await load.unacknowledged();
    if (round % 2 === 1) await interrupt(atEnd, url, round % 4 === 1 ? 'start' : 'stop');
    ledger.report.rounds += 1;
    onRound(round + 1);
  }
  const last = await startServer(atEnd, url);
  const target = { url: last.url, key: first.key };
  await resend(target, unacknowledged, ledger);
  await sendDelivered(target, 'addLead', ledger);
  await last.kill();
  const stored = await openStore(url);
  const report = await ledger.compare(stored);
  await stored.close();
  return report;
}

function spawnServer(atEnd: AtEnd, url: string) {
  return startUntil(atEnd, 'src/main.ts', [], {
    PORT: '0',
    DATABASE_URL: url,
    BOOTSTRAP: 'off',
    RATE_LIMIT: 'off',
    DISPATCH: 'off',
  });
}

/** Kills a server while it starts or stops. */
async function interrupt(atEnd: AtEnd, url: string, moment: 'start' | 'stop'): Promise<void> {
  const child = spawnServer(atEnd, url);
  const ended = new Promise((resolve) => child.once('close', resolve));
  if (moment === 'stop') {
    await untilListening(child, false);
    child.kill('SIGTERM');
  } else child.stdout.resume();
  await sleep(Math.random() * (moment === 'stop' ? maxStop : maxStart));
  child.kill('SIGKILL');
  await ended;
}

async function startServer(atEnd: AtEnd, url: string): Promise<{ url: string; kill(): Promise<void> }> {
  const child = spawnServer(atEnd, url);
  const { target } = await untilListening(child, false);
  return {
    url: target.url,
    kill: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

/** Runs `leads due --take`, and kills it after it has printed leads and before it records them. */
async function killTake(atEnd: AtEnd, url: string, ledger: CrashLedger): Promise<void> {
  const words = ['due', '--take', '1000000', '--json'];
  const child = startUntil(atEnd, 'src/cli.ts', words, { DATABASE_URL: url });
  const end = finished(child);
  let left = Math.ceil(Math.random() * maxPrints);
  child.stdout.on('data', () => {
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  });
  const { stdout, stderr } = await end;
  if (stderr !== '') ledger.report.wrongResponses.push(`leads due --take: ${stderr}`);
  // The last line may be incomplete.
  ledger.notePrinted(stdout.split('\n').slice(0, -1));
}

/** Adds or cancels the people whose delivery may be unrecorded because of the kill. */
async function sendDelivered(target: Target, id: PlannedRequest['id'], ledger: CrashLedger): Promise<void> {
  for (const mobile of ledger.delivered()) {
    const sending = requestFor(id, mobile, { isRepeated: true });
    ledger.note(await post(target, sending), sending);
  }
}

/**
 * Adds people until the server has been killed: every fifth twice at the same time, and after every fifth, others
 * together. Cancels every fourth.
 */
function startLoad(target: Target, round: number, ledger: CrashLedger) {
  const unacknowledged: PlannedRequest[] = [];
  let count = 0;
  const sender = async () => {
    // The second connection sends the duplicate.
    const connections = [new RawConnection(target.url), new RawConnection(target.url)];
    /** Sends requests concurrently. Returns whether all got a response. */
    const exchange = async (requests: readonly PlannedRequest[]): Promise<boolean> => {
      const left = await Promise.all(
        requests.map(async (sending, index) => {
          const response = await connections[index]
            ?.exchange(bytesOf(target, sending))
            .catch(() => undefined);
          if (response === undefined) return [sending];
          ledger.note(response, sending);
          return [];
        }),
      );
      unacknowledged.push(...left.flat());
      return left.flat().length === 0;
    };
    for (let isReachable = true; isReachable; ) {
      count += 1;
      const number = count;
      const mobile = mobileOf(round, number);
      isReachable = await exchange(addsOf(mobile, number));
      if (isReachable && number % 5 === 3) {
        const first = count + 1;
        count += rowsPerRequest;
        isReachable = await exchange([rowsFrom(round, first)]);
      }
      if (isReachable && number % 4 === 0) isReachable = await exchange(cancelsOf(mobile, number));
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, sender));
  return { unacknowledged: () => sending.then(() => unacknowledged) };
}

function mobileOf(round: number, number: number): string {
  return `+447${String(round).padStart(4, '0')}${String(number).padStart(5, '0')}`;
}

/** Returns a request that adds people together: all of them are saved, or none. @param first number of the first */
function rowsFrom(round: number, first: number): PlannedRequest {
  const leads = Array.from({ length: rowsPerRequest }, (_, index) => ({
    ref: `row ${index}`,
    ...person,
    mobile: mobileOf(round, first + index),
  }));
  return requestFor('addLeads', mobileOf(round, first), { body: { leads } });
}

function isDuplicated(number: number): boolean {
  return number % 5 === 0;
}

function addsOf(mobile: string, number: number): PlannedRequest[] {
  // Half of the cancelled people are due at once, so that `leads due --take` competes with the cancellation.
  const delays = number % 8 === 0 ? 600 : 0;
  return Array.from({ length: isDuplicated(number) ? 2 : 1 }, () =>
    requestFor('addLead', mobile, { body: { ...person, mobile, delays } }),
  );
}

function cancelsOf(mobile: string, number: number): PlannedRequest[] {
  return Array.from({ length: isDuplicated(number) ? 2 : 1 }, () => {
    const cancel = requestFor('cancelLead', mobile, { isRepeated: isDuplicated(number) });
    return number % 12 === 0 ? { ...cancel, idempotencyKey: undefined } : cancel;
  });
}

function requestFor(
  id: PlannedRequest['id'],
  mobile: string,
  more: Partial<PlannedRequest> = {},
): PlannedRequest {
  const body = id === 'addLead' ? { ...person, mobile, delays: 0 } : { mobile, type: person['type'] };
  return { id, mobile, body, idempotencyKey: randomUUID(), isRepeated: false, ...more };
}

/** Builds the bytes of a request by hand: with a slow client the server would be idle when it is killed. */
function bytesOf(target: Target, sending: PlannedRequest): Buffer {
  const { head, body } = rawRequest(target, sending.id, sending.body, headersOf(sending));
  return Buffer.from(head + body);
}

async function resend(
  target: Target,
  unacknowledged: readonly PlannedRequest[],
  ledger: CrashLedger,
): Promise<void> {
  for (const sending of unacknowledged) {
    ledger.report.resent += 1;
    ledger.note(await post(target, sending), { ...sending, isRepeated: true });
  }
}

function headersOf({ idempotencyKey }: PlannedRequest): Record<string, string> {
  return idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
}

function post(target: Target, sending: PlannedRequest) {
  return send(target, sending.id, { headers: headersOf(sending), body: sending.body });
}
