/** The workflows that partners run with their own tools work from end to end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { type Finished, finished, start, untilOutput } from '../harness/process.ts';

const file = 'docs/workflows.arazzo.yaml';
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs all workflows as a partner does. */
function runWorkflows(url: string, key: string): Promise<Finished> {
  const words = ['respect', file, '--server', `leads=${url}`, '--input', `key=${key}`];
  return finished(spawn(join(root, 'node_modules/.bin/redocly'), words, { cwd: root }));
}

// Redocly takes most of the time, and more than usual on a busy machine.
test('every workflow passes twice in a row against one sandbox', { timeout: 120_000 }, async () => {
  const { workflows } = parse(readFileSync(join(root, file), 'utf8'));
  const sandbox = start('src/sandbox.ts', [], { PORT: '0', METRICS_PORT: '0' });
  const output = await untilOutput(sandbox, /export LEADS_KEY=\S+\n/);
  const [, url = ''] = /export LEADS_URL=(\S+)/.exec(output) ?? [];
  const [, key = ''] = /export LEADS_KEY=(\S+)/.exec(output) ?? [];
  for (const run of ['first', 'second']) {
    const { code, stdout, stderr } = await runWorkflows(url, key);
    expect(code, `${run} run: ${stdout}${stderr}`).toBe(0);
    expect(stdout + stderr).toContain(`Workflows: ${workflows.length} passed, ${workflows.length} total`);
  }
});

test('the workflows send the key in a header, because URLs end up in logs', async () => {
  const urls: string[] = [];
  const keys: unknown[] = [];
  const receiver = createServer(({ url = '', headers }, response) => {
    urls.push(url);
    keys.push(headers.authorization);
    response.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void receiver.close());
  await once(receiver, 'listening');
  // The cast: a server that listens on TCP has an address with a port.
  const { port } = receiver.address() as AddressInfo;
  await runWorkflows(`http://127.0.0.1:${port}`, 'leads_key');
  expect(urls).not.toEqual([]);
  expect(urls.filter((url) => url.includes('?'))).toEqual([]);
  expect(new Set(keys)).toEqual(new Set(['Bearer leads_key']));
});
