import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createContext, execute } from '../../src/cli/program.ts';
import type { Finished } from './process.ts';

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
