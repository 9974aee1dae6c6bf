/** The workflows that partners run with their own tools work from end to end. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Finished, finished, start, untilOutput } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';

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

/** The members of a step that the test reads. */
interface Step {
  stepId: string;
  parameters?: unknown;
}

test('every step of the workflows sends the key in a header, because URLs end up in logs', () => {
  const { workflows } = parse(readFileSync(join(root, file), 'utf8'));
  const steps: Step[] = workflows.flatMap((workflow: { steps: Step[] }) => workflow.steps);
  expect(steps.length).toBeGreaterThan(workflows.length);
  const key = [{ in: 'header', name: 'Authorization', value: 'Bearer {$inputs.key}' }];
  expect(steps.map(({ stepId, parameters }) => ({ stepId, parameters }))).toEqual(
    steps.map(({ stepId }) => ({ stepId, parameters: key })),
  );
});

test('a workflow sends its key as the workflow states', async () => {
  const receiver = await startReceiver();
  await runWorkflows(receiver.url.replace(/\/$/, ''), 'leads_key');
  const keys = receiver.received.map(({ headers }) => headers['authorization']);
  expect(new Set(keys)).toEqual(new Set(['Bearer leads_key']));
});
