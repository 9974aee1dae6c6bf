import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createContext, execute } from '../../src/cli/program.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Finished } from './process.ts';
import { temporaryDirectory } from './server.ts';
import { newStoreFile } from './store-file.ts';

/**
 * Executes a `leads` command in this process, which takes a fraction of the time of a new one.
 *
 * @param input its standard input
 */
export async function executeCli(
  words: readonly string[],
  environment: Record<string, string>,
  input: Readable | string = '',
): Promise<Finished> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const [stdout, stderr] = [text(out), text(err)];
  const code = await execute(
    words,
    createContext(() => environment, {
      input: typeof input === 'string' ? Readable.from([input]) : input,
      out,
      err,
    }),
  );
  out.end();
  err.end();
  return { code, stdout: await stdout, stderr: await stderr };
}

/** Creates a store on disk, and functions that run commands on it, without and with standard input. */
export function storeWithCli() {
  const file = newStoreFile(temporaryDirectory());
  const leadsWith = (input: Readable | string, ...words: string[]): Promise<Finished> =>
    executeCli(words, { DATABASE_URL: `sqlite:${file}` }, input);
  return {
    file,
    leads: (...words: string[]) => leadsWith('', ...words),
    leadsWith,
    open: () => openSqliteStore(file),
  };
}

/** Parses one JSON value per line. */
export function lines({ stdout }: Finished): unknown[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
