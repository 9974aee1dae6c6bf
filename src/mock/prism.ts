import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ContractOperation } from '../contract/contract.ts';
import type { ResponseExample } from './examples.ts';

const contract = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

/** A module that ends Prism when its standard input closes: when the mock ends, even if it is killed. */
const endWithParent = `data:text/javascript,process.stdin.on('end',()=>process.exit()).resume()`;

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
  const words = ['--import', endWithParent, program, 'mock', '--port', '0', contract];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
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

/**
 * Returns the body of a response example. The request is always the same valid one: Prism never sees what a client
 * sends, whose headers may be those of a connection (`Upgrade`, `Expect`) or ask for another media type.
 *
 * @param body a valid body
 * @throws {Error} if Prism responds with another status
 */
export async function fetchExample(
  prismUrl: string,
  { method, path }: ContractOperation,
  { status, name }: ResponseExample,
  body: string,
): Promise<string> {
  const headers = {
    Authorization: 'Bearer any',
    'Content-Type': 'application/json',
    Prefer: `code=${status}, example=${name}`,
  };
  const response = await fetch(prismUrl + path, { method, headers, body });
  const text = await response.text();
  if (response.status === Number(status)) return text;
  throw new Error(
    `Prism did not return the example ${status} ${name} of ${path}, but ${response.status}: ${text}`,
  );
}
