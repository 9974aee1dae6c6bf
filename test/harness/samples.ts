import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keyPlaceholder, urlPlaceholder } from '../../docs/page/code-samples.ts';

interface Interpreter {
  /** Command that succeeds if samples can be run. */
  probe: string[];
  run: (source: string) => string[];
}

const interpreters: Record<string, Interpreter> = {
  curl: { probe: ['curl', '--version'], run: (source) => ['sh', '-c', source] },
  JavaScript: {
    probe: [process.execPath, '--version'],
    run: (source) => [process.execPath, '--input-type=module', '-e', source],
  },
  Python: { probe: ['python3', '--version'], run: (source) => ['python3', '-c', source] },
  PHP: {
    probe: ['php', '-r', 'exit(function_exists("curl_init") ? 0 : 1);'],
    run: (source) => ['php', '-r', source.replace('<?php', '')],
  },
};

/** The languages of code samples. */
export const languages = Object.keys(interpreters);

/** Returns how samples in a language are run. */
export function interpreterOf(language: string): Interpreter {
  const interpreter = interpreters[language];
  if (interpreter === undefined) throw new Error(`There is no interpreter for ${language}.`);
  return interpreter;
}

/** Returns a sample with the reader's own values, as the page shows it. */
export function withValues(source: string, url: string, key: string): string {
  return source.replaceAll(urlPlaceholder, url).replaceAll(keyPlaceholder, key);
}

/** Runs a sample and returns the body of the response that it prints. */
export async function outputOf(source: string, language: string): Promise<string> {
  const [program = '', ...words] = interpreterOf(language).run(source);
  // A sample can write files.
  const cwd = await mkdtemp(join(tmpdir(), 'leads-sample-'));
  try {
    const { stdout } = await promisify(execFile)(program, words, {
      cwd,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    // curl prints only the body.
    return stdout.trim().replace(/^200 /, '');
  } finally {
    await rm(cwd, { recursive: true });
  }
}
