import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Quota } from './quota.ts';

/** A program that listens. */
export interface Started {
  address: string;
  /** What it wrote to standard error, which tells what it could not use. */
  complaints: string;
  /** Everything that it has written so far. */
  output(): string;
  /** From its start to the first request that it answered, in milliseconds. */
  startedIn: number;
  /** How much memory it has now, in MB; NaN where the system does not tell. */
  memory(): number;
  stop(): Promise<void>;
}

/**
 * Where Node keeps the compiled code of each program for its next start, as `npm start` has the server's kept. Each has a
 * directory of its own, since V8 takes only what was compiled under the same flags.
 */
const compiledCode = fileURLToPath(new URL('../node_modules/.cache/compiled-bench', import.meta.url));

const root = fileURLToPath(new URL('..', import.meta.url));

/** The core that servers get, and the one that loads them; each alone, so that neither is measured with the other. */
export const cores = { server: 0, load: cpus().length - 1 };

const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0 && cores.load > 0;

/** Where a program runs: on a core of its own, on any, or on any within a share of one. */
export type QueuePosition = number | 'any' | Quota;

/** Puts a program on a core of its own; where the system cannot, it runs anywhere. */
export function onCore(core: number, command: string, parameters: string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(core), command, ...parameters]] : [command, parameters];
}

/** What the figures were measured on, in a sentence. */
export function machine(): string {
  const pinned = canPin ? 'servers and load on a core each' : 'servers and load share all cores';
  return `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}; ${pinned}`;
}

function at(place: QueuePosition, command: string, parameters: string[]): [string, string[]] {
  if (place === 'any') return [command, parameters];
  return typeof place === 'number' ? onCore(place, command, parameters) : place.within(command, parameters);
}

/**
 * Starts a program and waits until it answers a request.
 *
 * @param program a path, absolute or from the root of the repository
 * @param nodeOptions what Node is told besides, on its command line
 */
export async function start(
  program: string,
  environment: Record<string, string>,
  place: QueuePosition = cores.server,
  nodeOptions: string[] = [],
): Promise<Started> {
  const file = resolve(root, program);
  const [command, parameters] = at(place, process.execPath, [...nodeOptions, file]);
  // A log goes to a file: through a pipe the server would wait for this process to read it.
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const log = join(directory, 'log');
  const logFile = openSync(log, 'a');
  const begun = performance.now();
  const child = spawn(command, parameters, {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: join(compiledCode, program.replaceAll('/', '-')),
      PORT: '0',
      NODE_ENV: 'production',
      ...environment,
    },
    stdio: ['ignore', logFile, 'pipe'],
  });
  closeSync(logFile);
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints += chunk;
  });
  const address = await listening(child, log, () => complaints);
  const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
  await (await fetch(`${address}/lead/add`, json)).arrayBuffer();
  const startedIn = performance.now() - begun;
  return {
    address,
    startedIn,
    get complaints() {
      return complaints;
    },
    output: () => readFileSync(log, 'utf8') + complaints,
    memory: () => memoryOf(child),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Where the program says that it listens, by its log. */
async function listening(child: ChildProcess, log: string, complaints: () => string): Promise<string> {
  for (;;) {
    const said = readFileSync(log, 'utf8');
    const found = /Listening on (http:\/\/[^"\s]+)/.exec(said)?.[1];
    if (found !== undefined) return found;
    if (child.exitCode !== null) {
      throw new Error(`It ended with ${child.exitCode}: ${said}${complaints()}`);
    }
    await setTimeout(2);
  }
}

function memoryOf(child: ChildProcess): number {
  if (process.platform !== 'linux') return Number.NaN;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_024;
}
