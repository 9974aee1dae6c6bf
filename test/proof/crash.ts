import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap } from '../../src/bootstrap.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { send, type Target } from '../harness/client.ts';
import { type Answer, operationOf, requestValue } from '../harness/contract.ts';
import { spawnProgram, written } from '../harness/process.ts';
import { RawConnection } from './raw-connection.ts';

/** What all rounds came to. Nothing may be in the three lists. */
export interface CrashReport {
  rounds: number;
  /** How many submissions were answered that they are saved. */
  acknowledged: number;
  /** How many got no answer, and were sent again to the next server under the same idempotency key. */
  sentAgain: number;
  /** How many of those turned out to have been saved before the crash. */
  hadBeenSaved: number;
  /** Acknowledged, and not in the store, or not as it was acknowledged. */
  lost: string[];
  /** People with two leads. */
  takenTwice: string[];
  /** Answered otherwise than a first try or its repetition can be. */
  wronglyAnswered: string[];
}

/** One person, sent once, or until somebody answers. */
interface Sending {
  mobile: string;
  idempotencyKey: string;
}

const senders = 16;

/** How long the load lasts before the server is killed, in milliseconds, at most. */
const longestLife = 700;

/** How long a start and a stop take until they are interrupted, in milliseconds, at most. */
const longestStart = 500;
const longestStop = 50;

const person = requestValue('addLead', 'accepted');
const { method, path } = operationOf('addLead');

/**
 * Kills the server under load at a random moment and starts it again, round after round on one store; then holds
 * what was acknowledged against what is stored.
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
  const report: CrashReport = {
    rounds,
    acknowledged: 0,
    sentAgain: 0,
    hadBeenSaved: 0,
    lost: [],
    takenTwice: [],
    wronglyAnswered: [],
  };
  const accepted = new Map<string, string>();
  let unanswered: Sending[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer(url);
    const target = { url: server.url, key: first.key };
    await sendAgain(target, unanswered, accepted, report);
    const load = startLoad(target, round, accepted, report);
    await sleep(Math.random() * longestLife);
    await server.kill();
    unanswered = await load.unanswered();
    if (round % 2 === 1) await interrupt(url, round % 4 === 1 ? 'start' : 'stop');
    tell(round + 1);
  }
  const last = await startServer(url);
  await sendAgain({ url: last.url, key: first.key }, unanswered, accepted, report);
  await last.kill();
  const stored = await openStore(url);
  await compare(stored, accepted, report);
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
  await sleep(Math.random() * (moment === 'stop' ? longestStop : longestStart));
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

/** Sends people until the server is gone, every fifth of them twice at once. */
function startLoad(target: Target, round: number, accepted: Map<string, string>, report: CrashReport) {
  const unanswered: Sending[] = [];
  let count = 0;
  const sender = async () => {
    // Each has a second connection for the person's twin.
    const connections = [new RawConnection(target.url), new RawConnection(target.url)];
    for (;;) {
      count += 1;
      const mobile = `+447${String(round).padStart(4, '0')}${String(count).padStart(5, '0')}`;
      const sendings = [sendingOf(mobile), ...(count % 5 === 0 ? [sendingOf(mobile)] : [])];
      const gone = await Promise.all(
        sendings.map(async (sending, index) => {
          const answer = await connections[index]?.exchange(bytesOf(target, sending)).catch(() => undefined);
          if (answer === undefined) return 'unanswered';
          note(answer, sending, accepted, report);
          return 'answered';
        }),
      );
      if (gone.every((each) => each === 'answered')) continue;
      unanswered.push(...sendings.filter((_, index) => gone[index] === 'unanswered'));
      return;
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, sender));
  return { unanswered: () => sending.then(() => unanswered) };
}

function sendingOf(mobile: string): Sending {
  return { mobile, idempotencyKey: randomUUID() };
}

/** The load must be the server's work rather than its client's, or the server is killed while it is idle. */
function bytesOf({ key }: Target, { mobile, idempotencyKey }: Sending): Buffer {
  const body = JSON.stringify({ ...person, mobile });
  return Buffer.from(
    `${method} ${path}?key=${key} HTTP/1.1\r\nHost: leads.example\r\nContent-Type: application/json\r\n` +
      `Idempotency-Key: ${idempotencyKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

async function sendAgain(
  target: Target,
  unanswered: readonly Sending[],
  accepted: Map<string, string>,
  report: CrashReport,
): Promise<void> {
  for (const sending of unanswered) {
    const answer = await post(target, sending);
    report.sentAgain += 1;
    if (answer.headers['idempotent-replayed'] === 'true') report.hadBeenSaved += 1;
    note(answer, sending, accepted, report);
  }
}

function post(target: Target, { mobile, idempotencyKey }: Sending): Promise<Answer> {
  const headers = { 'Idempotency-Key': idempotencyKey };
  return send(target, 'addLead', { headers, body: { ...person, mobile } });
}

/** Keeps what a sender was told. */
function note(answer: Answer, { mobile }: Sending, accepted: Map<string, string>, report: CrashReport): void {
  const { saved, processed } = Object(answer.json);
  if (saved !== true) {
    report.wronglyAnswered.push(`${mobile}: ${answer.status} ${answer.text}`);
    return;
  }
  report.acknowledged += 1;
  if (!processed) return;
  if (accepted.has(mobile)) report.wronglyAnswered.push(`${mobile}: accepted twice`);
  accepted.set(mobile, answer.headers['lead-id'] ?? '');
}

async function compare(store: Store, accepted: Map<string, string>, report: CrashReport): Promise<void> {
  const stored = new Map<string, string>();
  for await (const { mobile, id } of store.leads({}, Number.MAX_SAFE_INTEGER)) {
    if (stored.has(mobile)) report.takenTwice.push(mobile);
    stored.set(mobile, id);
  }
  for (const [mobile, id] of accepted) if (stored.get(mobile) !== id) report.lost.push(mobile);
  let saved = 0;
  for await (const _ of store.submissions({}, Number.MAX_SAFE_INTEGER)) saved += 1;
  if (saved < report.acknowledged - report.hadBeenSaved) {
    report.lost.push(`${report.acknowledged} were acknowledged, ${saved} are stored`);
  }
}
