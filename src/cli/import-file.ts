import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { UserError } from '../errors/user-error.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { createProgressBar } from './progress-bar.ts';

/** Maximum number of invalid lines that are reported. */
export const maxReported = 20;

/** The progress of an import. */
export interface ImportBar {
  /** @param bytes number of bytes that have been read */
  update(bytes: number): void;
  stop(): void;
}

/** Starts to show the progress of an import. @param size of the file (bytes); 0: unknown */
export function startImportBar(stream: NodeJS.WritableStream, size: number): ImportBar {
  const format =
    size > 0 ? 'Importing [{bar}] {percentage}%, {eta_formatted} left' : 'Importing, {megabytes} MB read';
  const bar = createProgressBar(stream, format);
  const payload = (bytes: number) => ({ megabytes: (bytes / 1e6).toFixed(1) });
  bar.start(size, 0, payload(0));
  return {
    update: (bytes) => bar.update(Math.min(bytes, size), payload(bytes)),
    stop: () => bar.stop(),
  };
}

/**
 * Opens a file to import. The size of standard input (`-`) is unknown, and returned as 0.
 *
 * @throws {UserError} if it cannot be read
 */
export async function openFile(file: string, { input }: CommandContext) {
  if (file === '-') return { size: 0, stream: input };
  const found = await stat(file).catch((error) => {
    throw new UserError(`${file} cannot be read: ${error.message}`);
  });
  if (found.isDirectory()) throw new UserError(`${file} is a directory. Pass the path of a file.`);
  return { size: found.size, stream: createReadStream(file) };
}

/** Describes the lines that were not imported. @param invalid the first of them; @param total the number of all */
export function describeInvalid(
  invalid: readonly { line: number; problem: string }[],
  total: number,
): string {
  const described = invalid.map(({ line, problem }) => `line ${line} (${problem})`).join(', ');
  const more = total > invalid.length ? ` and ${total - invalid.length} more` : '';
  return `${counted(total, 'line was', 'lines were')} not imported: ${described}${more}.`;
}
