import { expect, onTestFinished, test, vi } from 'vitest';
import { UserError } from '../../src/errors/user-error.ts';
import { formatDuration, formatRelativeTime, parseDuration } from '../../src/text/duration.ts';

test.each([
  ['90d', 90 * 86_400_000],
  ['12h', 12 * 3_600_000],
  ['1h30m', 5_400_000],
  [' 1h 30m ', 5_400_000],
  ['1h, 30min', 5_400_000],
  ['1.5h', 5_400_000],
  ['1.1h', 3_960_000],
  ['2 weeks', 14 * 86_400_000],
  ['1000ms', 1_000],
])('reads %o', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '90', '90 5h', '0d', '-5h', '0.5s', '1ms', 'd', '5foo'])('rejects %o', (text) => {
  expect(() => parseDuration(text)).toThrow(UserError);
});

test.each(['90d 5foo', '5foo 90d', '1h 30mx', '1e3s'])(
  'rejects %o, one of whose units is unknown',
  (text) => {
    expect(() => parseDuration(text)).toThrow(
      `"${text}" is not a duration. Use a number and a unit, such as 90d, 12h or 1h30m.`,
    );
  },
);

test('rejects capitals: 12M may mean months or minutes', () => {
  expect(() => parseDuration('12M')).toThrow('"12M" is not a duration.');
});

test.each([
  [90 * 86_400_000, '90d'],
  [5_400_000, '1h30m'],
  [0, '0s'],
])('formats %i ms as %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test.each([
  [7 * 86_400_000 - 3_000, 'in 7d'],
  [7 * 86_400_000 + 3_000, 'in 7d'],
  [6.4 * 86_400_000, 'in 6d'],
  [-6.6 * 86_400_000, '7d ago'],
  [34 * 3_600_000, 'in 34h'],
  [2 * 86_400_000 - 3_000, 'in 48h'],
  [90_000, 'in 90s'],
  [-1_400, '1s ago'],
  [400, 'now'],
])('formats a time %i ms from now as %s', (distance, text) => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  expect(formatRelativeTime(Date.now() + distance)).toBe(text);
});
