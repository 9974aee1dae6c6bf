import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Target } from './client.ts';
import { untilOutput } from './process.ts';

/** A server process that accepts connections. */
export interface ListeningServer {
  /** Its log so far. */
  output: string;
  /** What it has printed about its first key; empty if its store was not. */
  welcome: string;
  /** Its URL, and its first key; empty if its store was not. */
  target: Target;
}

/**
 * Waits until a server process accepts connections.
 *
 * @param isStoreEmpty whether it also prints its first key, on standard error
 */
export async function untilListening(
  child: ChildProcessWithoutNullStreams,
  isStoreEmpty = true,
): Promise<ListeningServer> {
  const [output, welcome] = await Promise.all([
    untilOutput(child, /listening on \S+"/),
    isStoreEmpty ? untilOutput(child, /-d '[\s\S]*'\n/, 'stderr') : '',
  ]);
  const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '';
  return { output, welcome, target: { url, key: /leads_[\w-]{20,}/.exec(welcome)?.[0] ?? '' } };
}
