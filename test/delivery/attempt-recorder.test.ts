/** A store can fail for days while attempts wait to be recorded. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AttemptRecorder } from '../../src/delivery/attempt-recorder.ts';
import { recordingLog } from '../harness/recording-log.ts';

describe('stopping while the store fails', () => {
  const attempt = { leadId: 'lead', startedAt: 1, endedAt: 2, outcome: 'delivered', response: '' } as const;

  /** Starts to record an attempt in a store that fails. Resolves when its retry is delayed. */
  async function failing() {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { log, lines } = recordingLog();
    const recordAttempt = vi.fn(async () => {
      throw new Error('disk full');
    });
    const recorder = new AttemptRecorder(
      {
        recordAttempt,
        releaseLeads: recordAttempt,
        endTooLate: async () => ({ expired: [], undecided: [] }),
        suppressClaimed: recordAttempt,
      },
      log,
    );
    const recorded = recorder.record('claim', attempt, undefined);
    await vi.advanceTimersByTimeAsync(100);
    expect(recordAttempt).toHaveBeenCalledOnce();
    return { recorder, recorded, recordAttempt, lines };
  }

  test('ends the delay of a retry at once, and logs that the lead will be sent again', async () => {
    const { recorder, recorded, recordAttempt, lines } = await failing();
    recorder.stop();
    await recorded;
    expect(vi.getTimerCount()).toBe(0);
    expect(recordAttempt).toHaveBeenCalledOnce();
    expect(lines.at(-1)).toMatchObject({
      msg: 'A delivery attempt was not recorded. The lead will be sent again.',
      lead: 'lead',
    });
  });

  test('does not retry a write that fails later', async () => {
    const { recorder, recordAttempt } = await failing();
    recorder.stop();
    const later = recorder.record('claim', attempt, undefined);
    await vi.advanceTimersByTimeAsync(100);
    await later;
    expect(recordAttempt).toHaveBeenCalledTimes(2);
  });
});
