import { ConfigError } from '../environment/variables.ts';
import { flushLog } from '../telemetry/log.ts';
import { nameCommands } from '../text/command-name.ts';

/** A program that runs until a signal stops it. */
export type Program = (stopSignal: Promise<NodeJS.Signals>) => Promise<void>;

/**
 * Runs a program, then ends the process. If the program fails, prints the reason on standard error and exits with 1.
 *
 * @param failure what the message about a failure starts with
 */
export async function runProgram(program: Program, failure = 'The server did not start'): Promise<void> {
  try {
    await program(stopSignal());
    await flushLog();
    // Abandoned sockets and timers would keep the process running.
    process.exit();
  } catch (error) {
    const message = nameCommands(error instanceof Error ? error.message : String(error));
    process.stderr.write(error instanceof ConfigError ? `${message}\n` : `${failure}: ${message}\n`);
    process.exit(1);
  }
}

/** Resolves with the first stop signal. Further ones are ignored: with npm, a Ctrl-C arrives twice. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve);
  });
}
