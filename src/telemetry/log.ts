import { type Level, type Logger, pino } from 'pino';
import { printable, printableLines } from '../text/terminal.ts';
import { GatheredOutput } from './gathered-output.ts';

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

/** Where this process's log goes. */
let output: GatheredOutput | undefined;

/** Maximum time that a process that ends waits for the log to be read (ms). */
const readerPatience = 1_000;

/** Fulfilled once all of the log is written; at the latest after a second, so that no reader keeps the process. */
export function logWritten(): Promise<void> {
  output?.flush();
  return new Promise((resolve) => {
    setTimeout(resolve, readerPatience);
    process.stdout.write('', () => resolve());
  });
}

/** Number of log lines that were dropped because nobody read standard output. */
export function droppedLines(): number {
  return output?.dropped ?? 0;
}

/**
 * Creates the server's log: one JSON object a line on standard output, or lines for people in a terminal. Anything else
 * that prints there calls its `flush` before.
 */
export async function createLog(level: string): Promise<Log> {
  outliveReader();
  const gathered = new GatheredOutput(process.stdout, (dropped) => {
    log.warn({ dropped }, 'Lines of the log were dropped: whatever reads standard output did not keep up.');
  });
  output = gathered;
  const options = {
    level,
    base: null,
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const log: Log = pino(options, process.stdout.isTTY ? await forPeople(gathered) : gathered);
  return log;
}

/** Writes lines as people read them. */
async function forPeople(gathered: GatheredOutput) {
  const { prettyFactory } = await import('pino-pretty');
  const prettify = prettyFactory({ singleLine: true, translateTime: 'SYS:HH:MM:ss' });
  return {
    write: (line: string) => gathered.write(prettify(printableValue(JSON.parse(line)))),
    flush: () => gathered.flush(),
  };
}

/** Escapes what a terminal would obey, in every text of a line. A stack trace keeps its line breaks. */
function printableValue(value: unknown, name?: string): unknown {
  if (typeof value === 'string') return name === 'stack' ? printableLines(value) : printable(value);
  if (Array.isArray(value)) return value.map((member) => printableValue(member));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, held]) => [printable(member), printableValue(held, member)]),
  );
}

let millisecond = 0;
let written = '';

/** The time as a line has it. Lines of one millisecond share it, since to write it takes as long as half of a line. */
function timestamp(): string {
  const now = Date.now();
  if (now !== millisecond) {
    millisecond = now;
    written = `,"time":"${new Date(now).toISOString()}"`;
  }
  return written;
}

/**
 * Whoever reads the log may end before the server does. Leads are taken in all the same; it is said once on
 * standard error, which may have gone the same way.
 */
function outliveReader(): void {
  let isSaid = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error) => {
    if (isSaid) return;
    isSaid = true;
    process.stderr.write(
      `The log cannot be written any more: ${error.message}. Start the server again to have one.\n`,
    );
  });
}
