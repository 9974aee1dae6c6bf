import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Target } from './client.ts';
import { spawnProgram, start, untilOutput } from './process.ts';

/** A sandbox that is ready, as a partner starts it. */
export interface Sandbox {
  child: ChildProcessWithoutNullStreams;
  /** What it has printed. */
  output: string;
  target: Target;
}

const variables = { PORT: '0', DATABASE_URL: 'sqlite:/nowhere/leads.db' };

/** Starts a sandbox on a free port; it ends with the test. */
export function startSandbox(directory?: string, options: readonly string[] = []): Promise<Sandbox> {
  return untilReady(start('src/sandbox.ts', [...options], variables, directory));
}

/** Starts a sandbox on a free port for several tests. The caller must end it. */
export async function spawnSandbox(environment: Record<string, string> = {}): Promise<Sandbox> {
  const child = spawnProgram('src/sandbox.ts', [], { ...variables, ...environment });
  try {
    return await untilReady(child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function untilReady(child: ChildProcessWithoutNullStreams): Promise<Sandbox> {
  const output = await untilOutput(child, /Existing Contact/);
  const target = {
    url: /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '',
    key: /key +(leads_[\w-]+)/.exec(output)?.[1] ?? '',
  };
  return { child, output, target };
}
