import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cores, onCore } from './processes.ts';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

export interface Load {
  /** `add` for good leads; `invalid` for what must be mended; `wrong-key`, each from another address. */
  kind: 'add' | 'invalid' | 'wrong-key';
  key?: string;
  seconds: number;
  connections: number;
  /** How many requests a second all connections send together; undefined for as many as are answered. */
  rate?: number;
}

export interface Loaded {
  /** Requests answered a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

/** No person is sent twice, whatever the run. */
let people = 0;

/** Far more than a run can send, and small enough for a year of runs. */
const peopleInARun = 600_000;

/**
 * Sends requests with wrk, which needs a fraction of what a server on Node does. With a rate each connection pauses
 * at random between two requests, so that they come one by one and in small crowds, as they do from many partners.
 *
 * @throws where wrk is missing, or where requests were answered otherwise than they should be
 */
export async function load(address: string, wanted: Load): Promise<Loaded> {
  const { kind, key = 'none', seconds, connections, rate } = wanted;
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
    ...['--script', script, address, '--', kind, key, String(people), String(pause)],
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
  const { requests, microseconds, refused, broken, p50, p99 } = JSON.parse(result);
  const isRefusal = refused === requests;
  if (broken > 0 || (kind === 'add' ? refused > 0 : refused > 0 && !isRefusal)) {
    throw new Error(`Of ${requests} requests ${refused} were refused and ${broken} broke off.`);
  }
  return { rate: (requests * 1_000_000) / microseconds, p50, p99 };
}
