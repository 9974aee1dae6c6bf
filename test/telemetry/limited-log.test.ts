/** If every request fails, the log must show that without filling the disk. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { LimitedLog } from '../../src/telemetry/limited-log.ts';
import { OccasionalWarning } from '../../src/telemetry/occasional-warning.ts';
import { recordingLog } from '../harness/recording-log.ts';

function stopClock(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

test('logs some of many failures, and the number of suppressed lines', () => {
  stopClock();
  const { lines, log } = recordingLog();
  const limited = new LimitedLog(log);
  for (let count = 0; count < 5_000; count += 1)
    limited.write('error', { err: new Error('down') }, 'A request failed.');
  expect(lines).toHaveLength(100);
  expect(lines.filter((line) => 'suppressed' in line)).toEqual([]);
  vi.advanceTimersByTime(100);
  limited.write('warn', {}, 'Refused a request.');
  expect(lines.at(-1)).toMatchObject({ msg: 'Refused a request.', level: 'warn', suppressed: 4_900 });
  vi.advanceTimersByTime(100);
  limited.write('warn', {}, 'Refused a request.');
  expect(lines.at(-1)).not.toHaveProperty('suppressed');
});

test('repeats a warning only after ten seconds without its cause', () => {
  stopClock();
  const { lines, log } = recordingLog();
  const warning = new OccasionalWarning(log);
  for (let second = 0; second < 30; second += 1) {
    warning.warn({}, 'too many');
    vi.advanceTimersByTime(1_000);
  }
  expect(lines).toHaveLength(1);
  vi.advanceTimersByTime(10_000);
  warning.warn({}, 'too many');
  expect(lines).toHaveLength(2);
});
