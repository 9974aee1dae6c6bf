/** A selection of the faults that `npm run torture` tries on a running server. */
import { expect, test } from 'vitest';
import { emptyDatabase } from '../harness/postgres.ts';
import { startWatched } from '../harness/watched.ts';
import { fileFaults } from './file-faults.ts';
import { postgresFaults } from './postgres-faults.ts';
import { type Fault, tryFault } from './scene.ts';

/** Tests in test/store/ try the others without a server. */
const share = ['the log is truncated', 'a directory and files that become read-only', 'no descriptor left'];

async function expectHonest(fault: Fault | undefined): Promise<string> {
  expect(fault).toBeDefined();
  const attempted = await tryFault(fault as Fault);
  expect(attempted).toEqual({ line: attempted.line, isHonest: true });
  return attempted.line;
}

test.each(share)(
  'a server acknowledges only what it has saved: %s',
  async (name) => {
    await expectHonest(fileFaults.find((fault) => fault.name === name));
  },
  60_000,
);

test('reports a fault that is not handled and ends every process of its scene', async () => {
  let pid: number | undefined;
  const attempted = await tryFault({
    name: 'a fault',
    run: async (scene) => {
      const { child } = await scene.start();
      pid = child.pid;
      throw new Error('It lied.');
    },
  });
  expect(attempted).toEqual({ line: 'a fault: FAILED: It lied.', isHonest: false });
  await expect.poll(() => isAlive(pid)).toBe(false);
});

test('reports a fault that cannot be tried with the reason', async () => {
  const run = () => Promise.reject(new Error('It was tried.'));
  expect(await tryFault({ name: 'a fault', missing: () => 'there is no tool.', run })).toEqual({
    line: 'a fault: not tried, because there is no tool.',
    isHonest: true,
  });
});

test('a server whose connections to PostgreSQL are cut loses no lead', async () => {
  const url = await emptyDatabase();
  // Creates the tables and the first partner.
  const { child } = await startWatched({ DATABASE_URL: url });
  child.kill('SIGKILL');
  await expectHonest(postgresFaults(url).find(({ name }) => name.includes('cut')));
}, 60_000);

function isAlive(pid: number | undefined): boolean {
  try {
    return process.kill(pid ?? 0, 0);
  } catch {
    return false;
  }
}
