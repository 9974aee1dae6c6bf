import { type Level, type Logger, pino } from 'pino';

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

/** The server's log: one JSON object a line on standard output, or lines for people in a terminal. */
export async function createLog(level: string): Promise<Log> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Through the stream, not around it, so that the log and what else is printed keep their order.
  if (!process.stdout.isTTY) return pino(options, process.stdout);
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ singleLine: true, translateTime: 'SYS:HH:MM:ss', sync: true }));
}
