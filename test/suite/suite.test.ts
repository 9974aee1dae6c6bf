/** A suite that always ends with 0 proves nothing to whoever runs it by a script. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../harness/process.ts';

const config = fileURLToPath(new URL('failing.config.ts', import.meta.url));

test('a test that fails fails the suite', async () => {
  const program = 'node_modules/vitest/vitest.mjs';
  const { code, stdout } = await run(program, ['run', '--config', config], { HOME: '/' });
  expect(stdout).toMatch(/1 failed/);
  expect(code).toBe(1);
});
