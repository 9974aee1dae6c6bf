import cliProgress, { type Options, type SingleBar } from 'cli-progress';

/**
 * Creates a progress bar: animated in a terminal, otherwise a line every five seconds.
 *
 * @param format of the line, with placeholders of `cli-progress`
 */
export function createProgressBar(stream: NodeJS.WritableStream, format: string): SingleBar {
  return new cliProgress.SingleBar({
    stream,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
    hideCursor: true,
    barsize: 20,
    format,
    formatTime,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
  });
}

/**
 * Describes the remaining time. The library passes a text if it is unknown: `0` at the start, `NULL` if nothing
 * remains, or `INF`.
 *
 * @param seconds a number, or such a text
 */
export function formatTime(seconds: number | string, options: Options, roundTo: number): string {
  if (seconds === 'NULL') return '0s';
  return typeof seconds === 'number' ? cliProgress.Format.TimeFormat(seconds, options, roundTo) : '?';
}
