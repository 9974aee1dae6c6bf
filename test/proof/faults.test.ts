/** A selection of the faults that `npm run torture` causes while a server is running. */
import { expect, test } from 'vitest';
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

async function expectToPass(fault: Fault | undefined): Promise<string> {
  expect(fault).toBeDefined();
  const attempted = await runFault(fault as Fault);
  expect(attempted).toEqual({ line: attempted.line, hasPassed: true });
  return attempted.line;
}

test.each(selected)(
  'a server acknowledges only what it has saved: %s',
  async (name) => {
    await expectToPass(fileFaults.find((fault) => fault.name === name));
  },
  60_000,
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
  expect(attempted).toEqual({ line: 'a fault: FAILED: A lead was lost.', hasPassed: false });
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test('reports a fault that this machine cannot cause, with the reason', async () => {
  const run = () => Promise.reject(new Error('It was run.'));
  expect(await runFault({ name: 'a fault', missing: () => 'there is no tool.', run })).toEqual({
    line: 'a fault: skipped, because there is no tool.',
    hasPassed: true,
  });
});

test('a server whose connections to PostgreSQL are cut loses no lead', async () => {
  const url = await emptyDatabase();
  // Creates the tables and the first partner.
  const { child } = await startObservedServer({ DATABASE_URL: url });
  child.kill('SIGKILL');
  await expectToPass(postgresFaults(url).find(({ name }) => name.includes('cut')));
}, 60_000);

function isAlive(pid: number | undefined): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}
