/** A process must stop in time even if a step hangs or fails. */
import { setImmediate as nextTick } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { shutdownSteps } from '../../src/app/service.ts';
import { shutDown, shutdownTimeout, stopAll } from '../../src/app/shutdown.ts';
import { createLog } from '../../src/telemetry/log.ts';

const log = await createLog('silent');
const hangs = () => new Promise<void>(() => {});

test('a server of which every part hangs stops within ten seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const hanging = { stop: hangs, close: hangs };
  const names = ['server', 'metricsServer', 'delivery', 'maintenance', 'keyLastUsed', 'rejections', 'store'];
  const parts = { ...Object.fromEntries(names.map((name) => [name, hanging])), stopTracing: hangs };
  // The cast: the steps only stop the parts.
  const steps = shutdownSteps(parts as unknown as Parameters<typeof shutdownSteps>[0]);
  const begun = performance.now();
  const stopped = shutDown(steps, log).then(() => performance.now() - begun);
  await vi.runAllTimersAsync();
  expect(await stopped).toBeLessThanOrEqual(shutdownTimeout);
  // A container runtime kills the process after ten seconds. One of them is for its exit.
  expect(shutdownTimeout).toBeLessThanOrEqual(9_000);
});

test('runs the steps one after the other', async () => {
  const events: string[] = [];
  const step = (name: string) => ({
    name,
    until: 20_000,
    run: async () => {
      events.push(`${name} begins`);
      await nextTick();
      events.push(`${name} ends`);
    },
  });
  await shutDown([step('one'), step('two')], log);
  expect(events).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
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
  const late = Promise.withResolvers<void>();
  const onUnhandled = vi.fn();
  process.on('unhandledRejection', onUnhandled);
  onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
  await shutDown(
    [
      { name: 'fails', until: 20_000, run: () => Promise.reject(new Error('It failed.')) },
      { name: 'fails late', until: 1, run: () => late.promise },
      { name: 'last', until: 20_000, run: async () => done.push('last') },
    ],
    log,
  );
  expect(done).toEqual(['last']);
  late.reject(new Error('It failed after it was abandoned.'));
  await nextTick();
  // An unhandled rejection would end the process before its exit code is set.
  expect(onUnhandled).not.toHaveBeenCalled();
});

test('waits for every part to stop, even if one fails at once', async () => {
  const slow = Promise.withResolvers<void>();
  const error = new Error('It failed.');
  const onEnd = vi.fn();
  const parts = [{ stop: () => Promise.reject(error) }, undefined, { stop: () => slow.promise }];
  const stopping = stopAll(parts).catch(onEnd);
  await nextTick();
  expect(onEnd).not.toHaveBeenCalled();
  slow.resolve();
  await stopping;
  expect(onEnd).toHaveBeenCalledExactlyOnceWith(error);
});
