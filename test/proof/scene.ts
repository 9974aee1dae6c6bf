import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { post, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { type AtEnd, finished, type Start, startUntil } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';
import { Endings } from './endings.ts';

/** A fault that occurs while a server is running. */
export interface Fault {
  name: string;
  /** Returns why this machine cannot cause it. Undefined: it can. */
  missing?(): string | undefined;
  /**
   * Causes it, checks the server and returns a short result.
   *
   * @throws if the server responded or stored anything wrong
   */
  run(scene: Scene): Promise<string>;
}

/** Maximum time for readiness to change (ms); the server checks every five seconds. */
const readinessTimeout = 30_000;

/** Maximum duration of a fault by default (ms). */
const defaultMaxDuration = 180_000;

const person = requestValue('addLead', 'accepted');

/** Nearly the maximum size of `data`, so that a store's log grows quickly. */
export const ballast = JSON.stringify({ ballast: 'x'.repeat(60_000) });

/** The environment of a fault. Everything that was started in it ends with it. */
export class Scene {
  /** An empty directory that every user can enter. */
  readonly directory = mkdtempSync(join(tmpdir(), 'leads-fault-'));
  /** File of the SQLite store, in its own directory. */
  readonly file = join(this.directory, 'data', 'leads.db');
  readonly #endings = new Endings();

  /** Registers a clean-up step. They run in reverse order. */
  readonly atEnd: AtEnd = this.#endings.add;

  /** Starts a server. @param key of a store that is not empty */
  async start(
    environment: Record<string, string> = {},
    key?: string,
    how: Start = {},
  ): Promise<{ child: ChildProcessWithoutNullStreams; target: Target }> {
    const child = this.#spawn('src/main.ts', [], environment, how);
    const { target } = await untilListening(child, key === undefined);
    return { child, target: { ...target, key: key ?? target.key } };
  }

  /** Runs a command, or a server that must refuse to start, to its end. */
  run(file: 'src/main.ts' | 'src/cli.ts', parameters: string[] = [], how: Start = {}) {
    return finished(this.#spawn(file, parameters, {}, how));
  }

  /** Runs all clean-up steps, each in bounded time. */
  async end(): Promise<void> {
    await this.#endings.run();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #spawn(file: string, parameters: string[], environment: Record<string, string>, how: Start) {
    const own = { PORT: '0', DATABASE_URL: `sqlite:${this.file}`, RATE_LIMIT: 'off', ...environment };
    return startUntil(this.atEnd, file, parameters, own, undefined, how);
  }
}

/** Result of a fault. */
export interface FaultResult {
  line: string;
  outcome: 'passed' | 'failed' | 'skipped';
}

/** Runs a fault in its own scene, in bounded time. @param maxDuration in milliseconds */
export async function runFault(fault: Fault, maxDuration = defaultMaxDuration): Promise<FaultResult> {
  const { name } = fault;
  const reason = fault.missing?.();
  if (reason !== undefined) return skipped(name, reason);
  const scene = new Scene();
  const late = new AbortController();
  try {
    const result = await Promise.race([
      fault.run(scene),
      sleep(maxDuration, undefined, { signal: late.signal }).then(() => {
        throw new Error(`not finished after ${maxDuration / 1_000} s`);
      }),
    ]);
    return { line: `${name}: ${result}`, outcome: 'passed' };
  } catch (error) {
    if (error instanceof NotPossible) return skipped(name, error.message);
    return { line: `${name}: FAILED: ${error instanceof Error ? error.message : error}`, outcome: 'failed' };
  } finally {
    late.abort();
    await scene.end();
  }
}

function skipped(name: string, reason: string): FaultResult {
  return { line: `${name}: skipped, because ${reason}`, outcome: 'skipped' };
}

/** Thrown by a fault that turns out to be impossible on this machine. */
export class NotPossible extends Error {}

/** Kills a server as a crash would. */
export async function crash(child: ChildProcessWithoutNullStreams): Promise<void> {
  const end = finished(child);
  child.kill('SIGKILL');
  await end;
}

/** Adds a person. Returns the status of the response. */
export async function add(
  target: Target,
  index: number,
  more: Record<string, unknown> = {},
): Promise<number> {
  return (await post(target, 'addLead', { ...person, mobile: mobileOf(index), ...more })).status;
}

/** Waits until `/readyz` responds with the status. @throws after a timeout */
export async function untilReadiness(target: Target, wanted: number): Promise<void> {
  const end = performance.now() + readinessTimeout;
  for (;;) {
    const { status } = await fetch(`${target.url}/readyz`);
    if (status === wanted) return;
    if (performance.now() > end) throw new Error(`/readyz stays ${status}`);
    await sleep(100);
  }
}
