import { spawn } from 'node:child_process';
import { untilOutput } from '../harness/process.ts';

/** A server process of one version. */
export interface VersionServer {
  name: string;
  url: string;
  /** Stops it as an operator does. */
  stop(): Promise<void>;
}

/** Starts the server of the version in a directory. */
export async function startVersion(
  directory: string,
  name: string,
  environment: Record<string, string>,
): Promise<VersionServer> {
  const child = spawn(process.execPath, [`${directory}src/main.ts`], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', RATE_LIMIT: 'off', DIALLER: 'log', ...environment },
  });
  child.stderr.pipe(process.stderr);
  const output = await untilOutput(child, /listening on \S+"/);
  const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '';
  return {
    name,
    url,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}
