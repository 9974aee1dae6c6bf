/** A selection of the faults that `npm run torture` causes while a server is running. */
import { expect, type TestContext, test } from 'vitest';
import { startObservedServer } from '../harness/observed-server.ts';
import { emptyDatabase } from '../harness/postgres.ts';
import { fileFaults } from './file-faults.ts';
import { postgresFaults } from './postgres-faults.ts';
import { type Fault, runFault } from './scene.ts';

/** Tests in test/store/ cause the others without a server. */
const selected = [
  'the log is truncated',
  'a directory and files that become read-only',
  'no descriptor left',
];

/** Maximum duration of a fault (ms). Its processes end within the timeout of the test. */
const maxDuration = 60_000;
const timeout = maxDuration + 30_000;

/** Runs a fault. If this machine cannot cause it, skips the test with the reason. */
async function expectToPass(fault: Fault | undefined, context: TestContext): Promise<void> {
  expect(fault).toBeDefined();
  const { line, outcome } = await runFault(fault as Fault, maxDuration);
  if (outcome === 'skipped') context.skip(line);
  expect({ line, outcome }).toEqual({ line, outcome: 'passed' });
}

test.for(selected)('a server acknowledges only what it has saved: %s', { timeout }, async (name, context) =>
  expectToPass(
    fileFaults.find((fault) => fault.name === name),
    context,
  ),
);

test('reports a fault that the server does not handle, and ends every process of its scene', async () => {
  let pid: number | undefined;
  const attempted = await runFault({
    name: 'a fault',
    run: async (scene) => {
      const { child } = await scene.start();
      pid = child.pid;
      throw new Error('A lead was lost.');
    },
  });
  expect(attempted).toEqual({ line: 'a fault: FAILED: A lead was lost.', outcome: 'failed' });
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test('reports a fault that this machine cannot cause, with the reason', async () => {
  const run = () => Promise.reject(new Error('It was run.'));
  expect(await runFault({ name: 'a fault', missing: () => 'there is no tool.', run })).toEqual({
    line: 'a fault: skipped, because there is no tool.',
    outcome: 'skipped',
  });
});

test('a fault that takes too long fails, and starts nothing afterwards', async () => {
  let late: Promise<unknown> | undefined;
  const ended = Promise.withResolvers<void>();
  const attempted = await runFault(
    {
      name: 'a fault',
      run: (scene) => {
        late = ended.promise.then(() => scene.start());
        return new Promise(() => {});
      },
    },
    1,
  );
  expect(attempted).toEqual({ line: 'a fault: FAILED: not finished after 0.001 s', outcome: 'failed' });
  ended.resolve();
  await expect(late).rejects.toThrow('The clean-up steps have been run.');
});

test('a server whose connections to PostgreSQL are cut loses no lead', { timeout }, async (context) => {
  const url = await emptyDatabase();
  // Creates the tables and the first partner.
  const { child } = await startObservedServer({ DATABASE_URL: url });
  child.kill('SIGKILL');
  await expectToPass(
    postgresFaults(url).find(({ name }) => name.includes('cut')),
    context,
  );
});

function isAlive(pid: number | undefined): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}
