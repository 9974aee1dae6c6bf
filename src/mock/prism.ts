import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const contract = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

/** A running Prism, as a child process. */
export interface Prism {
  url: string;
  process: ChildProcess;
}

/**
 * Starts Prism with openapi.yaml on a free port of this machine.
 *
 * @throws {Error} if it cannot start or exits before it listens
 */
export function startPrism(): Promise<Prism> {
  const program = createRequire(import.meta.url).resolve('@stoplight/prism-cli');
  const child = spawn(process.execPath, [program, 'mock', '--port', '0', contract], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const url = /listening on (http:\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve({ url, process: child });
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      reject(new Error(`Prism exited with code ${code} before it listened:\n${output}`)),
    );
  });
}
