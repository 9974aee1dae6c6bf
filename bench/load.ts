import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cores, onCore } from './processes.ts';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

export interface Load {
  /**
   * `add` for good leads; `invalid` for what must be mended; `wrong-key`, each from another address; `status` of a lead
   * that growth.ts has stored.
   */
  kind: 'add' | 'invalid' | 'wrong-key' | 'status';
  key?: string;
  seconds: number;
  connections: number;
  /** How many requests a second all connections send together; undefined for as many as are answered. */
  rate?: number;
  /** Of how many stored leads the status is asked. */
  stored?: number;
}

export interface Loaded {
  /** Requests answered a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** The status that each kind must be answered with. */
const statuses = { add: 200, invalid: 400, 'wrong-key': 401, status: 200 };

/** No person is sent twice, whatever the run. */
let people = 0;

/** Far more than a run can send, and small enough for a year of runs. */
const peopleInARun = 600_000;

/**
 * Sends requests for a moment and looks at each answer, so that what `load` measures is what it says.
 *
 * @throws where an answer has another status than its kind must have
 */
export async function verify(address: string, kind: Load['kind'], key?: string): Promise<void> {
  const expected = statuses[kind];
  const { unexpected } = await send(
    address,
    { kind, ...(key && { key }), seconds: 1, connections: 8 },
    expected,
  );
  if (unexpected !== 0)
    throw new Error(`A request of the kind ${kind} was answered ${unexpected}, not ${expected}.`);
}

/**
 * Sends requests with wrk, which needs a fraction of what a server on Node does. With a rate each connection pauses
 * at random between two requests, so that they come one by one and in small crowds, as they do from many partners.
 *
 * @throws where wrk is missing, or where requests were answered otherwise than they should be
 */
export async function load(address: string, wanted: Load): Promise<Loaded> {
  const { requests, microseconds, refused, broken, p50, p99 } = await send(address, wanted, 0);
  if (broken > 0 || refused !== (statuses[wanted.kind] < 400 ? 0 : requests)) {
    throw new Error(`Of ${requests} requests ${refused} were refused and ${broken} broke off.`);
  }
  return { rate: (requests * 1_000_000) / microseconds, p50, p99 };
}

/** What wrk tells at its end (load.lua). */
interface Sent {
  requests: number;
  microseconds: number;
  /** Answers of 400 and more. */
  refused: number;
  broken: number;
  /** A status that no answer should have had; 0 where there was none. */
  unexpected: number;
  p50: number;
  p99: number;
}

async function send(address: string, wanted: Load, expected: number): Promise<Sent> {
  const { kind, key = 'none', seconds, connections, rate, stored = 1 } = wanted;
  const pause = rate === undefined ? 0 : (connections * 1_000) / rate;
  const [command, parameters] = onCore(cores.load, 'wrk', [
    ...[
      '--threads',
      '1',
      '--connections',
      String(connections),
      '--duration',
      `${seconds}s`,
      '--timeout',
      '10s',
    ],
    ...['--script', script, address, '--', kind, key],
    ...[people, pause, expected, stored].map(String),
  ]);
  people += peopleInARun;
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listen = (chunk: Buffer) => {
    said += chunk;
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new Error(
      'wrk sends the load, and is not installed: `apt-get install wrk` or `brew install wrk`.',
      {
        cause,
      },
    );
  }
  const result = /^RESULT (.*)$/m.exec(said)?.[1];
  if (result === undefined) throw new Error(`wrk did not run: ${said}`);
  // The cast: load.lua writes it so.
  return JSON.parse(result) as Sent;
}
