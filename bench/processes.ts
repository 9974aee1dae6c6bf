import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Quota } from './quota.ts';

/** A running server process. */
export interface RunningServer {
  address: string;
  /** Its output on standard error. */
  warnings: string;
  /** Returns everything that it has written so far. */
  output(): string;
  /** Time from its start to its first response (ms). */
  startedIn: number;
  /** Returns its resident memory (MB); NaN if the system does not report it. */
  memory(): number;
  /** Returns the processor time of all its threads since its start (µs); NaN if the system does not report it. */
  processorTime(): number;
  stop(): Promise<void>;
}

/**
 * Compile cache, as `npm start` has one. Each program has its own directory, because V8 uses only code that was
 * compiled with the same flags.
 */
const compiledCode = fileURLToPath(new URL('../node_modules/.cache/compiled-bench', import.meta.url));

const root = fileURLToPath(new URL('..', import.meta.url));

/** Cores of the server and of the load generator, so that they do not compete. */
export const cores = { server: 0, load: cpus().length - 1 };

const canPin = spawnSync('taskset', ['-c', '0', 'true']).status === 0 && cores.load > 0;

/** Where a program runs: on one core, on any, or on any within a quota. */
export type Placement = number | 'any' | Quota;

/** Returns the command that runs a program on one core, or on any if the system cannot pin it. */
export function onCore(core: number, command: string, parameters: string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(core), command, ...parameters]] : [command, parameters];
}

/** Describes the machine in one sentence, for the docs. */
export function machine(): string {
  const pinned = canPin ? 'servers and load on one core each' : 'servers and load share all cores';
  return `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}; ${pinned}`;
}

function commandOn(placement: Placement, command: string, parameters: string[]): [string, string[]] {
  if (placement === 'any') return [command, parameters];
  return typeof placement === 'number'
    ? onCore(placement, command, parameters)
    : placement.within(command, parameters);
}

/**
 * Starts a program and waits for its first response.
 *
 * @param program a path, absolute or from the root of the repository
 * @param nodeOptions options on Node's command line
 */
export async function start(
  program: string,
  environment: Record<string, string>,
  placement: Placement = cores.server,
  nodeOptions: string[] = [],
): Promise<RunningServer> {
  const file = resolve(root, program);
  const [command, parameters] = commandOn(placement, process.execPath, [...nodeOptions, file]);
  // The log goes to a file: with a pipe, the server would wait for this process to read it.
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
  let warnings = '';
  child.stderr?.on('data', (chunk) => {
    warnings += chunk;
  });
  const address = await listening(child, log, () => warnings);
  const json = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
  await (await fetch(`${address}/lead/add`, json)).arrayBuffer();
  const startedIn = performance.now() - begun;
  return {
    address,
    startedIn,
    get warnings() {
      return warnings;
    },
    output: () => readFileSync(log, 'utf8') + warnings,
    memory: () => memoryOf(child),
    processorTime: () => processorTimeOf(child),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Returns the URL that the program logs. */
async function listening(child: ChildProcess, log: string, warnings: () => string): Promise<string> {
  for (;;) {
    const output = readFileSync(log, 'utf8');
    const found = /[Ll]istening on (http:\/\/[^"\s]+?)\.?["\s]/.exec(output)?.[1];
    if (found !== undefined) return found;
    if (child.exitCode !== null) {
      throw new Error(`The program exited with ${child.exitCode}: ${output}${warnings()}`);
    }
    await setTimeout(2);
  }
}

function memoryOf(child: ChildProcess): number {
  if (process.platform !== 'linux') return Number.NaN;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1_024;
}

/** Length of the ticks in which Linux reports processor time (µs). */
const clockTick = 10_000;

function processorTimeOf(child: ChildProcess): number {
  if (process.platform !== 'linux') return Number.NaN;
  // After the name in parentheses, which may contain spaces; user and system time are fields 14 and 15.
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * clockTick;
}
