import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Target } from './client.ts';
import { untilOutput } from './process.ts';

/** A server process that accepts connections. */
export interface ListeningServer {
  /** Its output so far. */
  output: string;
  /** Its URL, and its first key; empty if its store was not. */
  target: Target;
}

/**
 * Waits until a server process accepts connections.
 *
 * @param isStoreEmpty whether it also prints its first key
 */
export async function untilListening(
  child: ChildProcessWithoutNullStreams,
  isStoreEmpty = true,
): Promise<ListeningServer> {
  const output = await untilOutput(
    child,
    isStoreEmpty ? /listening on \S+"[\s\S]*-d '.*'/ : /listening on \S+"/,
  );
  const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '';
  return { output, target: { url, key: /leads_[\w-]{20,}/.exec(output)?.[0] ?? '' } };
}
