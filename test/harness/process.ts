import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished, type TestContext } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Only what a program needs to run, so that no setting of this machine reaches a test. */
function environmentWith(variables: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', ...variables };
}

/** How a program is started. */
export interface Start {
  /** Whom it runs as, if this process may choose. */
  uid?: number;
  gid?: number;
  /** A command that runs the program in its own place, such as `prlimit`, with its parameters. */
  under?: readonly string[];
}

/** Starts a program of this repository in a process of its own. Whoever starts it ends it. */
export function spawnProgram(
  file: string,
  parameters: string[],
  environment: Record<string, string>,
  directory: string = root,
  { under = [], ...user }: Start = {},
): ChildProcessWithoutNullStreams {
  const [program = '', ...words] = [...under, process.execPath, `${root}${file}`, ...parameters];
  return spawn(program, words, {
    ...user,
    cwd: directory,
    env: environmentWith(environment),
  });
}

/** As `spawnProgram`, and the process ends with the test at the latest. */
export function start(...program: Parameters<typeof spawnProgram>): ChildProcessWithoutNullStreams {
  const child = spawnProgram(...program);
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  return child;
}

/** Runs a program to its end. */
export async function run(
  file: string,
  parameters: string[],
  environment: Record<string, string>,
  directory?: string,
): Promise<Finished> {
  return finished(start(file, parameters, environment, directory));
}

/** What a process wrote and how it ended. */
export function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    written.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    written.stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...written }));
  });
}

/** Resolves with what the process has written to standard output, from now on, once that matches. */
export function written(child: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const settle = () => {
      // What is not read would fill the pipe, and hold the process up.
      child.stdout.off('data', onData).resume();
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
      reject(new Error(`The process ended (${code}) before it wrote ${pattern}: ${text}`));
    };
    child.stdout.on('data', onData);
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
