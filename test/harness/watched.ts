import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import type { Target } from './client.ts';
import { start, written } from './process.ts';
import { temporaryDirectory } from './server.ts';

/** A server in a process of its own, with all that comes out of it. */
export interface Watched {
  child: ChildProcessWithoutNullStreams;
  /** Where it is, with the key that it made where the store was empty. */
  target: Target;
  metricsUrl: string;
  /** Reads its metrics. */
  metrics: () => Promise<string>;
  /** All that it has written so far. */
  output: () => string;
}

/** Starts a server whose metrics are read; it ends with the test. */
export async function startWatched(environment: Record<string, string>): Promise<Watched> {
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
  await written(
    child,
    environment['BOOTSTRAP'] === 'off' ? /Listening on/ : /Listening on \S+[\s\S]*-d '.*'/,
  );
  const metricsUrl = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(output)?.[0] ?? '';
  return {
    child,
    target: {
      url: /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '',
      key: /leads_[\w-]{20,}/.exec(output)?.[0] ?? '',
    },
    metricsUrl,
    metrics: async () => (await fetch(metricsUrl)).text(),
    output: () => output,
  };
}
