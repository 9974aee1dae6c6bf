/** The workflows that partners run with their own tools work from end to end. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { finished } from '../harness/process.ts';
import { startServer } from '../harness/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('every workflow of docs/workflows.arazzo.yaml passes against the server', async () => {
  const file = 'docs/workflows.arazzo.yaml';
  const { workflows } = parse(readFileSync(join(root, file), 'utf8'));
  const server = await startServer();
  const words = ['respect', file, '--server', `leads=${server.url}`, '--input', `key=${server.key}`];
  const redocly = spawn(join(root, 'node_modules/.bin/redocly'), words, { cwd: root });
  const { code, stdout, stderr } = await finished(redocly);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout + stderr).toContain(`Workflows: ${workflows.length} passed, ${workflows.length} total`);
});
