/** A process must stop in time even if a step hangs or fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { shutDown } from '../../src/app/shutdown.ts';
import { createLog } from '../../src/telemetry/log.ts';

const log = await createLog('silent');
const hangs = () => new Promise<void>(() => {});

test('runs the steps one after the other', async () => {
  const done: string[] = [];
  const step = (name: string, milliseconds: number) => ({
    name,
    until: 20_000,
    run: async () => {
      await sleep(milliseconds);
      done.push(name);
    },
  });
  await shutDown([step('one', 20), step('two', 0)], log);
  expect(done).toEqual(['one', 'two']);
});

test('abandons a step that hangs, and runs the next ones', async () => {
  const done: string[] = [];
  await shutDown(
    [
      { name: 'hangs', until: 1, run: hangs },
      { name: 'hangs as well', until: 2, run: hangs },
      { name: 'last', until: 20_000, run: async () => done.push('last') },
    ],
    log,
  );
  expect(done).toEqual(['last']);
});

test('runs the next steps after one that fails, even if that fails late', async () => {
  const done: string[] = [];
  const fails = async () => {
    throw new Error('It failed.');
  };
  await shutDown(
    [
      { name: 'fails', until: 20_000, run: fails },
      { name: 'fails late', until: 1, run: () => sleep(30).then(fails) },
      { name: 'last', until: 20_000, run: async () => done.push('last') },
    ],
    log,
  );
  await sleep(60);
  expect(done).toEqual(['last']);
});
