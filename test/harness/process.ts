import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished, type TestContext } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * The cache of `npm start`. Set here, it includes the first module, so that Node need not load its TypeScript compiler.
 */
export const compileCache = `${root}node_modules/.cache/compiled`;

/**
 * Returns an environment without this machine's settings, in which a server prints its first key without a terminal.
 */
function environmentWith(variables: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: compileCache, BOOTSTRAP: 'on', ...variables };
}

/** Options of a program's start. */
export interface Start {
  /** The user that it runs as; needs root. */
  uid?: number;
  gid?: number;
  /** A command that executes the program, such as `prlimit`, with its arguments. */
  under?: readonly string[];
  /** Options of Node. */
  nodeOptions?: readonly string[];
}

/** Registers a clean-up step, as `onTestFinished` does for a test. */
export type AtEnd = (step: () => void | Promise<void>) => void;

/** Starts a program of this repository. The caller must end it. */
export function spawnProgram(
  file: string,
  parameters: string[],
  environment: Record<string, string>,
  directory: string = root,
  { under = [], nodeOptions = [], ...user }: Start = {},
): ChildProcessWithoutNullStreams {
  const node = [process.execPath, ...nodeOptions];
  const [program = '', ...words] = [...under, ...node, `${root}${file}`, ...parameters];
  return spawn(program, words, {
    ...user,
    cwd: directory,
    env: environmentWith(environment),
  });
}

/** As `spawnProgram`; kills the process at the end. */
export function startUntil(
  atEnd: AtEnd,
  ...program: Parameters<typeof spawnProgram>
): ChildProcessWithoutNullStreams {
  let child: ChildProcessWithoutNullStreams | undefined;
  // Registered first: after the end, this fails, and nothing is started.
  atEnd(() => {
    if (child?.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  child = spawnProgram(...program);
  return child;
}

/** As `spawnProgram`; kills the process after the test. */
export function start(...program: Parameters<typeof spawnProgram>): ChildProcessWithoutNullStreams {
  return startUntil(onTestFinished, ...program);
}

/** Runs a program until it exits. */
export async function run(
  file: string,
  parameters: string[],
  environment: Record<string, string>,
  directory?: string,
): Promise<Finished> {
  return finished(start(file, parameters, environment, directory));
}

/** Resolves with a process's exit code and output once it has exited. */
export function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

/** Resolves with the output that a process writes from now on, once it matches. */
export function untilOutput(
  child: ChildProcessWithoutNullStreams,
  pattern: RegExp,
  stream: 'stdout' | 'stderr' = 'stdout',
): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const settle = () => {
      // An unread pipe would fill up and block the process.
      child[stream].off('data', onData).resume();
      child.off('close', onClose);
    };
    const onData = (chunk: Buffer) => {
      text += chunk;
      if (!pattern.test(text)) return;
      settle();
      resolve(text);
    };
    const onClose = (code: number | null) => {
      settle();
      reject(new Error(`The process exited with ${code} before its output matched ${pattern}: ${text}`));
    };
    child[stream].on('data', onData);
    child.on('close', onClose);
  });
}

/** Skips the test if this machine cannot run a command that it needs. The summary of the run lists its program. */
export function skipWithout(context: TestContext, command: readonly string[]): void {
  const [program = '', ...words] = command;
  if (spawnSync(program, words).status === 0) return;
  context.task.meta.needs = program;
  context.skip(`This machine has no ${program} for this test: \`${command.join(' ')}\` fails.`);
}
