import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap } from '../../src/app/bootstrap.ts';
import { openStore } from '../../src/store/open.ts';
import { send, type Target } from '../harness/client.ts';
import { operationOf, requestValue } from '../harness/contract.ts';
import { finished, spawnProgram, written } from '../harness/process.ts';
import { CrashLedger, type CrashReport, type Sending } from './crash-ledger.ts';
import { RawConnection } from './raw-connection.ts';

const senders = 16;

/** Maximum time from the first request to the death of the server (ms). */
const maxLife = 700;

/** Maximum number of times that a take prints something before it is killed. */
const maxPrints = 4;

/** One of so many rounds has `leads due --take` deliver leads while the server is under load. */
const roundsPerTake = 5;

/** Maximum time from the beginning of a start, and of a stop, to its interruption (ms). */
const maxStart = 500;
const maxStop = 50;

const person = requestValue('addLead', 'accepted');

/**
 * Kills the server under load at a random moment and starts it again, round after round on one store; in some rounds
 * `leads due --take` is killed as well. Then compares what was acknowledged with what is stored.
 *
 * @param url of a store that is empty
 * @param tell is called after each round
 */
export async function crashRounds(
  url: string,
  rounds: number,
  tell: (round: number) => void = () => {},
): Promise<CrashReport> {
  const store = await openStore(url);
  const first = await bootstrap(store);
  if (first === undefined) throw new Error('The store for the crash test is not empty.');
  // Nobody else has it open, so that each server is the first to open it and the last to close it.
  await store.close();
  const ledger = new CrashLedger();
  let unanswered: Sending[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer(url);
    const target = { url: server.url, key: first.key };
    await sendAgain(target, unanswered, ledger);
    const load = startLoad(target, round, ledger);
    if (round % roundsPerTake === roundsPerTake - 1) {
      await killTake(url, ledger);
      await sendDelivered(target, 'cancelLead', ledger);
    } else await sleep(Math.random() * maxLife);
    await server.kill();
    unanswered = await load.unanswered();
    if (round % 2 === 1) await interrupt(url, round % 4 === 1 ? 'start' : 'stop');
    ledger.report.rounds += 1;
    tell(round + 1);
  }
  const last = await startServer(url);
  const target = { url: last.url, key: first.key };
  await sendAgain(target, unanswered, ledger);
  await sendDelivered(target, 'addLead', ledger);
  await last.kill();
  const stored = await openStore(url);
  const report = await ledger.compare(stored);
  await stored.close();
  return report;
}

function spawnServer(url: string) {
  return spawnProgram('src/main.ts', [], {
    PORT: '0',
    DATABASE_URL: url,
    BOOTSTRAP: 'off',
    RATE_LIMIT: 'off',
    DISPATCH: 'off',
  });
}

/** Kills a server while it starts, or while it stops by itself. */
async function interrupt(url: string, moment: 'start' | 'stop'): Promise<void> {
  const child = spawnServer(url);
  const ended = new Promise((resolve) => child.once('close', resolve));
  if (moment === 'stop') {
    await written(child, /Listening on \S+"/);
    child.kill('SIGTERM');
  } else child.stdout.resume();
  await sleep(Math.random() * (moment === 'stop' ? maxStop : maxStart));
  child.kill('SIGKILL');
  await ended;
}

async function startServer(url: string): Promise<{ url: string; kill(): Promise<void> }> {
  const child = spawnServer(url);
  const output = await written(child, /Listening on \S+"/);
  return {
    url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '',
    kill: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

/** Has `leads due --take` deliver leads, and kills it when it has printed some and is about to record them. */
async function killTake(url: string, ledger: CrashLedger): Promise<void> {
  const child = spawnProgram('src/cli.ts', ['due', '--take', '1000000', '--json'], { DATABASE_URL: url });
  const end = finished(child);
  let left = Math.ceil(Math.random() * maxPrints);
  child.stdout.on('data', () => {
    left -= 1;
    if (left === 0) child.kill('SIGKILL');
  });
  const { stdout, stderr } = await end;
  if (stderr !== '') ledger.report.wronglyAnswered.push(`leads due --take: ${stderr}`);
  // A line that the kill has cut was not printed.
  ledger.notePrinted(stdout.split('\n').slice(0, -1));
}

/** Adds or cancels the people who were delivered last: those whose delivery the kill may have left unrecorded. */
async function sendDelivered(target: Target, id: Sending['id'], ledger: CrashLedger): Promise<void> {
  for (const mobile of ledger.delivered()) {
    const sending = sendingOf(id, mobile, { isRepeated: true });
    ledger.note(await post(target, sending), sending);
  }
}

/** Sends people until the server is gone, every fifth of them twice at once, and cancels every fourth. */
function startLoad(target: Target, round: number, ledger: CrashLedger) {
  const unanswered: Sending[] = [];
  let count = 0;
  const sender = async () => {
    // Each has a second connection for the person's twin.
    const connections = [new RawConnection(target.url), new RawConnection(target.url)];
    /** Sends requests at once. Returns whether all were answered. */
    const exchange = async (sendings: readonly Sending[]): Promise<boolean> => {
      const left = await Promise.all(
        sendings.map(async (sending, index) => {
          const answer = await connections[index]?.exchange(bytesOf(target, sending)).catch(() => undefined);
          if (answer === undefined) return [sending];
          ledger.note(answer, sending);
          return [];
        }),
      );
      unanswered.push(...left.flat());
      return left.flat().length === 0;
    };
    for (let isThere = true; isThere; ) {
      count += 1;
      const number = count;
      const mobile = `+447${String(round).padStart(4, '0')}${String(number).padStart(5, '0')}`;
      isThere = await exchange(addsOf(mobile, number));
      if (isThere && number % 4 === 0) isThere = await exchange(cancelsOf(mobile, number));
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, sender));
  return { unanswered: () => sending.then(() => unanswered) };
}

function isTwin(number: number): boolean {
  return number % 5 === 0;
}

function addsOf(mobile: string, number: number): Sending[] {
  // Of the people who are cancelled, half are due at once, so that a take and the cancellation compete for them.
  const delays = number % 8 === 0 ? 600 : 0;
  return Array.from({ length: isTwin(number) ? 2 : 1 }, () => sendingOf('addLead', mobile, { delays }));
}

function cancelsOf(mobile: string, number: number): Sending[] {
  return Array.from({ length: isTwin(number) ? 2 : 1 }, () => {
    const cancel = sendingOf('cancelLead', mobile, { isRepeated: isTwin(number) });
    return number % 12 === 0 ? { ...cancel, idempotencyKey: undefined } : cancel;
  });
}

function sendingOf(id: Sending['id'], mobile: string, more: Partial<Sending> = {}): Sending {
  return { id, mobile, delays: 0, idempotencyKey: randomUUID(), isRepeated: false, ...more };
}

function bodyOf({ id, mobile, delays }: Sending): Record<string, unknown> {
  return id === 'addLead' ? { ...person, mobile, delays } : { mobile, type: person['type'] };
}

/** The load must be the server's work rather than its client's, or the server is killed while it is idle. */
function bytesOf({ key }: Target, sending: Sending): Buffer {
  const { method, path } = operationOf(sending.id);
  const { idempotencyKey } = sending;
  const body = JSON.stringify(bodyOf(sending));
  return Buffer.from(
    `${method} ${path}?key=${key} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\n` +
      `${idempotencyKey === undefined ? '' : `Idempotency-Key: ${idempotencyKey}\r\n`}` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

async function sendAgain(target: Target, unanswered: readonly Sending[], ledger: CrashLedger): Promise<void> {
  for (const sending of unanswered) {
    ledger.report.sentAgain += 1;
    ledger.note(await post(target, sending), { ...sending, isRepeated: true });
  }
}

function post(target: Target, sending: Sending) {
  const { id, idempotencyKey } = sending;
  const headers = idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
  return send(target, id, { headers, body: bodyOf(sending) });
}
