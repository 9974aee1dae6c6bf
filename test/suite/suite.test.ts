/** A script that runs the suite must learn that a test failed, and a person must learn which tests did not run. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Finished, run } from '../harness/process.ts';

function runSuite(config: string): Promise<Finished> {
  const file = fileURLToPath(new URL(config, import.meta.url));
  return run('node_modules/vitest/vitest.mjs', ['run', '--config', file], { HOME: '/', NO_COLOR: '1' });
}

test('fails if one of its tests fails', async () => {
  const { code, stdout } = await runSuite('failing.config.ts');
  expect(stdout).toMatch(/1 failed/);
  expect(code).toBe(1);
});

test('ends with each missing program and every other reason for skipped tests', async () => {
  const { code, stdout } = await runSuite('skipping.config.ts');
  expect(stdout.trimEnd().split('\n').slice(-4)).toEqual([
    'another-program is not installed: 1 test skipped.',
    'no-such-program is not installed: 2 tests skipped.',
    'The README lists what these programs test; .ci/run installs them.',
    '1 test skipped: It is Sunday.',
  ]);
  expect(code).toBe(0);
});
