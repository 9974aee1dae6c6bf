import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cores, onCore } from './processes.ts';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

export interface LoadOptions {
  /**
   * `add`: valid leads; `invalid`: requests that fail validation; `invalid-key`: each from another address; `status`:
   * of a lead that growth.ts has stored; `add-many`: requests with `rows` valid leads each.
   */
  kind: 'add' | 'add-many' | 'invalid' | 'invalid-key' | 'status';
  key?: string;
  seconds: number;
  connections: number;
  /** Requests per second on all connections together. Undefined: as many as the server handles. */
  rate?: number;
  /** Number of stored leads, for `status`. */
  stored?: number;
  /** Number of rows of a request, for `add-many`. */
  rows?: number;
}

export interface LoadResult {
  /** Number of responses. */
  requests: number;
  /** Responses per second. */
  rate: number;
  /** Latency (ms). */
  p50: number;
  p99: number;
}

/** Expected status of each kind. */
const statuses = { add: 200, 'add-many': 200, invalid: 400, 'invalid-key': 401, status: 200 };

/** Number of the next person, so that no run repeats one. */
let people = 0;

/** Number of people reserved for a run: more than it can send. */
const peopleInARun = 600_000;

/**
 * Sends requests for a second and checks the status of each response; `load` does not, because that is slower.
 *
 * @throws if a response has an unexpected status
 */
export async function verify(address: string, kind: LoadOptions['kind'], key?: string): Promise<void> {
  const expected = statuses[kind];
  const { unexpected } = await send(
    address,
    { kind, ...(key && { key }), seconds: 1, connections: 8 },
    expected,
  );
  if (unexpected !== 0)
    throw new Error(`A request of the kind ${kind} returned ${unexpected} instead of ${expected}.`);
}

/**
 * Sends requests with wrk, which needs a fraction of the processor time of a Node server. With a rate, each connection
 * pauses at random between requests, so that they arrive irregularly, like those of many partners.
 *
 * @throws if wrk is missing, or if requests failed that should not
 */
export async function load(address: string, wanted: LoadOptions): Promise<LoadResult> {
  const { requests, microseconds, refused, broken, p50, p99 } = await send(address, wanted, 0);
  if (broken > 0 || refused !== (statuses[wanted.kind] < 400 ? 0 : requests)) {
    throw new Error(`Of ${requests} requests, ${refused} were rejected and ${broken} failed.`);
  }
  return { requests, rate: (requests * 1_000_000) / microseconds, p50, p99 };
}

/** Result of wrk, as load.lua prints it. */
interface WrkResult {
  requests: number;
  microseconds: number;
  /** Responses with a status of 400 or more. */
  refused: number;
  broken: number;
  /** An unexpected status; 0: none. */
  unexpected: number;
  p50: number;
  p99: number;
}

async function send(address: string, wanted: LoadOptions, expected: number): Promise<WrkResult> {
  const { kind, key = 'none', seconds, connections, rate, stored = 1, rows = 1 } = wanted;
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
    ...[people, pause, expected, stored, rows].map(String),
  ]);
  people += peopleInARun;
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listen = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new Error('The benchmarks need wrk. Run `apt-get install wrk` or `brew install wrk`.', {
      cause,
    });
  }
  const result = /^RESULT (.*)$/m.exec(output)?.[1];
  if (result === undefined) throw new Error(`wrk did not run: ${output}`);
  // The cast: load.lua prints this shape.
  return JSON.parse(result) as WrkResult;
}
