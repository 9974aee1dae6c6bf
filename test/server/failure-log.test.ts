/** While the store is down each request fails: the log must say so, and must not fill the disk. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FailureLog } from '../../src/server/failure-log.ts';
import { OccasionalWarning } from '../../src/server/occasional-warning.ts';

function recorded() {
  const lines: { msg: string; suppressed?: number; level: number }[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(chunk));
      done();
    },
  });
  return { lines, log: pino(stream) };
}

function stopClock(): void {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
}

test('of many failures some are logged, and how many were left out', () => {
  stopClock();
  const { lines, log } = recorded();
  const failures = new FailureLog(log);
  for (let count = 0; count < 5_000; count += 1)
    failures.write('error', { err: new Error('down') }, 'A request failed.');
  expect(lines).toHaveLength(100);
  expect(lines.filter(({ suppressed }) => suppressed !== undefined)).toEqual([]);
  vi.advanceTimersByTime(100);
  failures.write('warn', {}, 'Refused a request.');
  expect(lines.at(-1)).toMatchObject({ msg: 'Refused a request.', level: 40, suppressed: 4_900 });
  vi.advanceTimersByTime(100);
  failures.write('warn', {}, 'Refused a request.');
  expect(lines.at(-1)).not.toHaveProperty('suppressed');
});

test('a warning is repeated after ten seconds without a cause, and not as long as it goes on', () => {
  stopClock();
  const { lines, log } = recorded();
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
