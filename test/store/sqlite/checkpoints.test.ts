/** Checkpoints continue whatever happens to their thread, and no failure of the thread ends the process. */

import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Checkpoints } from '../../../src/store/sqlite/durability/checkpoints.ts';
import { openDatabase } from '../../../src/store/sqlite/file/database.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { finished } from '../../harness/process.ts';
import { temporaryDirectory } from '../../harness/server.ts';
import { closeAfterTest, seeded } from '../stores.ts';
import { logResets } from './log-resets.ts';

/** Number of writes that triggers a checkpoint under any load. */
const many = 100_000;

function checkpointsOf(file: string) {
  const failure = { failed: vi.fn(), checkpoint: vi.fn() };
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const checkpoints = new Checkpoints(file, failure);
  onTestFinished(async () => {
    await checkpoints.close();
    warned.mockRestore();
  });
  return { checkpoints, failure, warned };
}

/** Creates a database file. */
function newFile(): string {
  const file = join(temporaryDirectory(), 'leads.db');
  const database = openDatabase(file);
  onTestFinished(() => database.close());
  return file;
}

test('reports a checkpoint of a missing file and does not create the file', async () => {
  const file = newFile();
  const { checkpoints, failure, warned } = checkpointsOf(file);
  rmSync(file);
  checkpoints.committed(many);
  await vi.waitFor(() => expect(failure.failed).toHaveBeenCalledTimes(1), 10_000);
  expect(failure.checkpoint).toHaveBeenCalledTimes(1);
  expect(await checkpoints.truncateLog()).toBe(false);
  // Counted each time, but warned about once.
  expect(failure.failed).toHaveBeenCalledTimes(2);
  expect(warned).toHaveBeenCalledTimes(1);
  expect(() => readFileSync(file)).toThrow('ENOENT');
});

test('starts another thread after one has exited', async () => {
  const file = newFile();
  const { checkpoints, failure } = checkpointsOf(file);
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  onTestFinished(() => void posted.mockRestore());
  expect(await checkpoints.truncateLog()).toBe(true);
  // The cast: `postMessage` is a method of Worker.
  const thread = posted.mock.contexts[0] as Worker;
  await thread.terminate();
  expect(failure.failed).toHaveBeenCalledTimes(1);
  expect(await checkpoints.truncateLog()).toBe(true);
  expect(posted.mock.contexts[1]).not.toBe(thread);
});

test.each(['started', 'late'])(
  'saves leads without free descriptors (%s thread), and runs checkpoints again once there are some',
  async (order) => {
    const file = join(temporaryDirectory(), 'leads.db');
    const program = fileURLToPath(new URL('starved.ts', import.meta.url));
    const script = `ulimit -n 64 && exec "$@"`;
    const child = spawn('sh', ['-c', script, 'sh', process.execPath, program, file, order]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const { code, stdout, stderr } = await finished(child);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '{"hasCheckpointed":true}' });
    if (order === 'late') expect(stderr).toContain('the main thread runs the checkpoints');
    else expect(stderr).toBe('');
  },
);

test('runs one checkpoint after another', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(file)));
  const before = logResets(file);
  for (let people = 0; logResets(file) < before + 3 && people < 20_000; people += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(people) }));
  }
  expect(logResets(file)).toBe(before + 3);
});
