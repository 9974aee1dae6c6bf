import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import type { Target } from './client.ts';
import { start } from './process.ts';
import { temporaryDirectory } from './server.ts';
import { untilListening } from './server-process.ts';

/** A server process whose output and metrics are read. */
export interface ObservedServer {
  child: ChildProcessWithoutNullStreams;
  /** Its URL, and its first key if the store was empty. */
  target: Target;
  metricsUrl: string;
  /** Reads its metrics. */
  metrics: () => Promise<string>;
  /** Its output so far, standard error included. */
  output: () => string;
}

/** Starts a server process with metrics. It ends with the test. */
export async function startObservedServer(environment: Record<string, string>): Promise<ObservedServer> {
  const child = start('src/main.ts', [], {
    PORT: '0',
    METRICS_PORT: '0',
    DATABASE_URL: `sqlite:${join(temporaryDirectory(), 'leads.db')}`,
    ...environment,
  });
  let output = '';
  const listen = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const { target } = await untilListening(child, environment['BOOTSTRAP'] !== 'off');
  const metricsUrl = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(output)?.[0] ?? '';
  return {
    child,
    target,
    metricsUrl,
    metrics: async () => (await fetch(metricsUrl)).text(),
    output: () => output,
  };
}
