import { type Level, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

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
export function createLog(level: string): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Through the stream, not around it, so that the log and what else is printed keep their order.
  const lines = process.stdout;
  return pino(options, lines.isTTY ? pretty({ translateTime: 'SYS:HH:MM:ss', sync: true }) : lines);
}
