/** A script that runs the suite must learn that a test failed, and a person must learn which tests did not run. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Finished, run } from '../harness/process.ts';

function runSuite(config: string, environment: Record<string, string> = {}): Promise<Finished> {
  const file = fileURLToPath(new URL(config, import.meta.url));
  const words = ['run', '--config', file];
  return run('node_modules/vitest/vitest.mjs', words, { HOME: '/', NO_COLOR: '1', ...environment });
}

test('fails if one of its tests fails', async () => {
  const { code, stdout } = await runSuite('failing.config.ts');
  expect(stdout).toMatch(/1 failed/);
  expect(code).toBe(1);
});

test('fails with the name of a documented response that no test received', async () => {
  const omitted = 'cancelLead 200 not-found';
  const { code, stderr } = await runSuite('uncovered/vitest.config.ts', { OMITTED: omitted });
  expect(stderr).toContain(`Documented responses that no test has received:\n  ${omitted}\n`);
  expect(code).toBe(1);
});

test.each([
  ['its tests received every documented response', {}],
  ['it did not run every test of the operations', { FOLDER: '..', OMITTED: 'cancelLead 200 not-found' }],
])('passes if %s', async (_condition, environment: Record<string, string>) => {
  const { code, stdout, stderr } = await runSuite('uncovered/vitest.config.ts', environment);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
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
