import { type Level, type Logger, pino } from 'pino';
import { nameCommands } from '../text/command-name.ts';
import { printable, printableLines } from '../text/terminal.ts';
import { BufferedOutput } from './buffered-output.ts';

export type Log = Logger;

export const logLevels: readonly (Level | 'silent')[] = [
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
  'silent',
];

/** The output of this process's log; undefined: there is no log yet. */
let output: BufferedOutput | undefined;

/** Maximum time that an exiting process waits for the reader of the log (ms). */
const flushTimeout = 1_000;

/** Resolves once the log is written, or after a second, so that a stalled reader does not keep the process running. */
export function flushLog(): Promise<void> {
  output?.flush();
  return new Promise((resolve) => {
    setTimeout(resolve, flushTimeout);
    process.stdout.write('', () => resolve());
  });
}

/** Returns the number of log lines that were dropped because the reader of standard output stalled or ended. */
export function droppedLines(): number {
  return output?.dropped ?? 0;
}

/**
 * Creates the server's log on standard output: one JSON object per line, or readable lines in a terminal. Other code
 * that prints there must call its `flush` first.
 */
export async function createLog(level: string): Promise<Log> {
  handleClosedOutput();
  const buffered = new BufferedOutput(process.stdout, (dropped) => {
    log.warn({ dropped }, 'Log lines were dropped because the reader of standard output stalled.');
  });
  output = buffered;
  const options = {
    level,
    base: null,
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: (line: string) => nameCommands(line) },
  };
  const log: Log = pino(options, process.stdout.isTTY ? await prettyOutput(buffered) : buffered);
  return log;
}

/** Formats lines for a terminal. */
async function prettyOutput(buffered: BufferedOutput) {
  const { prettyFactory } = await import('pino-pretty');
  const prettify = prettyFactory({ singleLine: true, translateTime: 'SYS:HH:MM:ss' });
  return {
    write: (line: string) => buffered.write(prettify(printableValue(JSON.parse(line)))),
    flush: () => buffered.flush(),
  };
}

/** Escapes unprintable characters in every text of a line. A stack trace keeps its line breaks. */
function printableValue(value: unknown, name?: string): unknown {
  if (typeof value === 'string') return name === 'stack' ? printableLines(value) : printable(value);
  if (Array.isArray(value)) return value.map((member) => printableValue(member));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, each]) => [printable(member), printableValue(each, member)]),
  );
}

let millisecond = 0;
let formattedTime = '';

/** Returns the time field of a line. It is formatted once per millisecond, because formatting is slow. */
function timestamp(): string {
  const now = Date.now();
  if (now !== millisecond) {
    millisecond = now;
    formattedTime = `,"time":"${new Date(now).toISOString()}"`;
  }
  return formattedTime;
}

/** Keeps the server running after the reader of the log has exited, and reports it once on standard error. */
function handleClosedOutput(): void {
  let isReported = false;
  // Standard error may have lost its reader too; nothing is left to report that to.
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error) => {
    if (isReported) return;
    isReported = true;
    process.stderr.write(
      `The log can no longer be written: ${error.message}. Restart the server to log again.\n`,
    );
  });
}
