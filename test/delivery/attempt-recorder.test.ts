/** A store can fail for days while attempts wait to be recorded. */
import { queryObjects } from 'node:v8';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AttemptRecorder } from '../../src/delivery/attempt-recorder.ts';
import { recordingLog } from '../harness/recording-log.ts';

test('keeps nothing of earlier retries while the store fails', async () => {
  /** Stands for a timer that ends immediately. */
  class Timer {
    constructor(run: () => void) {
      setImmediate(run);
    }
  }
  vi.stubGlobal('setTimeout', (run: () => void) => new Timer(run));
  onTestFinished(() => void vi.unstubAllGlobals());
  const { log } = recordingLog();
  let failures = 0;
  const reached = Promise.withResolvers<void>();
  const recordAttempt = async () => {
    failures += 1;
    if (failures === 200) reached.resolve();
    throw new Error('disk full');
  };
  const recorder = new AttemptRecorder({ recordAttempt }, log);
  const attempt = { leadId: 'lead', startedAt: 1, endedAt: 2, outcome: 'delivered', response: '' } as const;
  const recorded = recorder.record('claim', attempt, undefined);
  await reached.promise;
  expect(queryObjects(Timer, { format: 'count' })).toBeLessThan(20);
  recorder.stop();
  await recorded;
});
