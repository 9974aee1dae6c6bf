import { type FileHandle, open, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { UserError } from '../errors/user-error.ts';
import type { LeadFormat } from './lead-lines.ts';

/** Maximum number of names that are tried for a new file. */
const maxNames = 1_000;

/** The file with the lines that were rejected. It is created with the first one, and never replaces another. */
export class RejectedLines {
  readonly #directory: string;
  readonly #name: string;
  readonly #extension: string;
  readonly #header: string;
  #file: FileHandle | undefined;
  #path: string | undefined;

  /** @param file the imported one; `-`: standard input @param header what the new file begins with */
  constructor(file: string, format: LeadFormat, header: string) {
    const isInput = file === '-';
    this.#directory = isInput ? '.' : dirname(file);
    this.#name = isInput ? 'standard-input' : basename(file, extname(file));
    this.#extension = format === 'csv' ? '.csv' : (/\.(ndjson|jsonl)$/i.exec(file)?.[0] ?? '.ndjson');
    this.#header = header;
  }

  /** Its path; undefined: no line was rejected. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Adds lines. @throws {UserError} if the file cannot be created */
  async add(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    this.#file ??= await this.#create();
    await this.#file.appendFile(lines.join(''));
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Removes the file, once it is closed. */
  async remove(): Promise<void> {
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }

  async #create(): Promise<FileHandle> {
    for (let number = 1; number <= maxNames; number += 1) {
      const suffix = number === 1 ? '' : `-${number}`;
      const path = join(this.#directory, `${this.#name}.rejected${suffix}${this.#extension}`);
      try {
        // It has personal data.
        const file = await open(path, 'wx', 0o600);
        await file.appendFile(this.#header);
        this.#path = path;
        return file;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
        throw new UserError(
          `The file of rejected lines ${path} cannot be created: ${error instanceof Error ? error.message : error}. Copy the file that you import to a directory that you can write to, and run the command again: it continues.`,
        );
      }
    }
    throw new UserError(
      `There are ${maxNames} files of rejected lines in ${this.#directory} already. Remove them, and run the command again: it continues.`,
    );
  }
}
