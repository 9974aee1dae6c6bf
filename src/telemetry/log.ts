import { type Level, type Logger, pino } from 'pino';
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

/**
 * The server's log: one JSON object a line on standard output, or lines for people in a terminal. Whoever else prints
 * there calls its `flush` before.
 */
export async function createLog(level: string): Promise<Log> {
  outliveReader();
  const options = {
    level,
    base: null,
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (!process.stdout.isTTY) return pino(options, new GatheredOutput(process.stdout));
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ singleLine: true, translateTime: 'SYS:HH:MM:ss', sync: true }));
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
