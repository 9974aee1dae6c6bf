/** Load balancers, and anyone else, can query readiness at any rate: it must be correct and cost nothing. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { metricsApp, type ServerStatus } from '../../src/server/metrics.ts';
import { Readiness, type ReadinessOptions } from '../../src/server/readiness.ts';
import { createLog, type Log } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics/metrics.ts';
import { startServer } from '../harness/server.ts';

const testTiming: ReadinessOptions = { interval: { ready: 5_000, notReady: 1_000 }, timeout: 3_000 };

/** Returns a readiness on a store whose checks the test ends, with a clock that the test advances. */
function startReadiness(timing: ReadinessOptions = testTiming) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const ends: ((error?: Error) => void)[] = [];
  const checkReady = vi.fn(
    () =>
      new Promise<void>((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
  );
  const lines: string[] = [];
  const errors: unknown[] = [];
  const write = (details: unknown, message?: string) => {
    lines.push(message ?? String(details));
    if (message !== undefined) errors.push(details);
  };
  // The cast: readiness uses only these two methods.
  const log = { error: write, info: write } as unknown as Log;
  const readiness = new Readiness({ checkReady }, log, timing);
  onTestFinished(() => readiness.stop());
  /** Ends the check in progress. */
  const end = async (error?: Error) => {
    ends.shift()?.(error);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { readiness, checkReady, end, lines, errors };
}

const failed = 'The server is not ready: the store failed its check.';

test('checks the store at intervals, sooner while it fails, and logs only changes', async () => {
  const { readiness, checkReady, end, lines } = startReadiness();
  const started = readiness.start();
  await end();
  await started;
  expect([readiness.isReady, readiness.reason]).toEqual([true, undefined]);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(checkReady).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(checkReady).toHaveBeenCalledTimes(2);
  await end(new Error('the disk is full'));
  for (let times = 3; times < 6; times += 1) {
    expect([readiness.isReady, readiness.reason]).toEqual([false, 'the disk is full']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(checkReady).toHaveBeenCalledTimes(times);
    if (times < 5) await end(new Error('the disk is full'));
  }
  await end();
  expect([readiness.isReady, readiness.reason]).toEqual([true, undefined]);
  expect(lines).toEqual([failed, 'The server is ready again.']);
});

test('is not ready if a check does not end, and starts no second check', async () => {
  const { readiness, checkReady, end, lines } = startReadiness();
  const started = readiness.start();
  expect(readiness.isReady).toBe(false);
  await end();
  await started;
  await vi.advanceTimersByTimeAsync(5_000);
  await vi.advanceTimersByTimeAsync(2_999);
  expect(readiness.isReady).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(readiness.reason).toBe('The store did not finish its check within 3000 ms.');
  await vi.advanceTimersByTimeAsync(600_000);
  expect(checkReady).toHaveBeenCalledTimes(2);
  await end();
  expect(readiness.isReady).toBe(true);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(checkReady).toHaveBeenCalledTimes(3);
  expect(lines).toEqual([failed, 'The server is ready again.']);
});

test('logs a failing store at the start with its error, and starts', async () => {
  const { readiness, end, lines, errors } = startReadiness();
  expect([readiness.isReady, readiness.reason]).toEqual([false, 'The store has not been checked yet.']);
  const started = readiness.start();
  await end(new Error('read-only'));
  await started;
  expect([readiness.isReady, readiness.reason]).toEqual([false, 'read-only']);
  expect(lines).toEqual([failed]);
  expect(errors).toEqual([{ err: new Error('read-only') }]);
});

test('logs nothing while the store stays ready', async () => {
  const { readiness, checkReady, end, lines } = startReadiness();
  void readiness.start();
  for (let times = 1; times < 4; times += 1) {
    await end();
    expect([readiness.isReady, checkReady.mock.calls.length]).toEqual([true, times]);
    await vi.advanceTimersByTimeAsync(5_000);
  }
  expect(lines).toEqual([]);
});

test('checks every five seconds by default, and waits for a check until the store must have reported its reason', async () => {
  const { readiness, checkReady, end } = startReadiness({});
  void readiness.start();
  await end();
  await vi.advanceTimersByTimeAsync(4_999);
  expect(checkReady).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(5_500);
  expect([checkReady.mock.calls.length, readiness.isReady]).toEqual([2, true]);
  await vi.advanceTimersByTimeAsync(1);
  expect(readiness.isReady).toBe(false);
});

test('stops checking without waiting for a check', async () => {
  const { readiness, checkReady, end, lines } = startReadiness();
  void readiness.start();
  readiness.stop();
  expect(vi.getTimerCount()).toBe(0);
  await end(new Error('the store is closed'));
  await vi.advanceTimersByTimeAsync(600_000);
  expect(checkReady).toHaveBeenCalledTimes(1);
  expect(lines).toEqual([]);
});

test('stops between two checks', async () => {
  const { readiness, checkReady, end } = startReadiness();
  void readiness.start();
  await end();
  readiness.stop();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(checkReady).toHaveBeenCalledTimes(1);
});

test('reports the reason only on the metrics port', async () => {
  const status: ServerStatus = {
    ready: false,
    reason: 'the disk is full',
    delivery: { dialler: 'webhook', state: 'waiting', reason: 'The dialler is down.' },
  };
  const readLeadMetrics = vi.fn(async () => undefined);
  const metrics = new Metrics(
    readLeadMetrics,
    () => status.ready,
    () => 0,
    () => status.delivery.state,
  );
  const app = metricsApp(metrics, () => status, await createLog('silent'));
  expect(await (await app.request('/status')).json()).toEqual(status);
  const unknown = await app.request('/');
  expect([unknown.status, await unknown.json()]).toEqual([
    404,
    { error: 'No resource exists at this path. Use /metrics or /status.' },
  ]);
  const read = async () => (await app.request('/metrics')).text();
  expect(await read()).toMatch(/^leads_ready 0$/m);
  status.ready = true;
  expect(await read()).toMatch(/^leads_ready 1$/m);
  // Concurrent requests share one query of the store.
  readLeadMetrics.mockClear();
  await Promise.all(Array.from({ length: 20 }, read));
  expect(readLeadMetrics).toHaveBeenCalledTimes(1);
});

test('/readyz reports whether the store accepts writes, without checking it and without a reason', async () => {
  const server = await startServer({ checkReadyEvery: 20 });
  const ask = async () => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, await response.json()];
  };
  expect(await ask()).toEqual([200, { status: 'ready' }]);
  await server.store.close();
  await expect.poll(ask).toEqual([503, { status: 'not ready' }]);
  // The next check at an interval does not end, so any further check would be caused by a request.
  const checks = vi.spyOn(server.store, 'checkReady').mockReturnValue(new Promise(() => {}));
  await expect.poll(() => checks.mock.calls.length).toBe(1);
  await Promise.all(Array.from({ length: 500 }, ask));
  expect(checks).toHaveBeenCalledTimes(1);
});
