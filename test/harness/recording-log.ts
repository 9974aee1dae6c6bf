import { pino } from 'pino';
import type { Log } from '../../src/telemetry/log.ts';

/** Creates a log that keeps its lines as objects. */
export function recordingLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const formatters = { level: (label: string) => ({ level: label }) };
  const log = pino(
    { level: 'trace', base: null, formatters },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}
