/** A lead is attempted up to ten times over three days. Jitter spreads leads that failed together. */
import { afterEach, expect, test, vi } from 'vitest';
import { retryDelay, withdrawalRetrySchedule } from '../../src/leads/retry-schedule.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const schedule = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

afterEach(() => void vi.restoreAllMocks());

test.each([
  ['shortest', 0, 0.8],
  ['average', 0.5, 1],
  ['longest', 1 - Number.EPSILON, 1.2],
])('allows ten attempts with the documented delays (%s random delay)', (_which, random, factor) => {
  vi.spyOn(Math, 'random').mockReturnValue(random);
  for (const [index, delay] of schedule.entries())
    expect(retryDelay(index + 1)).toBe(Math.round(delay * factor));
  expect(retryDelay(10)).toBeUndefined();
  expect(retryDelay(11)).toBeUndefined();
});

test('waits at least as long as the dialler asked for, without adding an attempt', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  expect(retryDelay(1, 60_000)).toBe(60_000);
  expect(retryDelay(2, 60_000)).toBe(5 * minute);
  expect(retryDelay(10, 60_000)).toBeUndefined();
});

test('for two hours, a withdrawal waits at most two minutes for its next attempt: its person may be called', () => {
  let elapsed = 0;
  for (const delay of withdrawalRetrySchedule) {
    if (elapsed < 2 * 3_600_000 - 600_000) expect(delay).toBeLessThanOrEqual(120_000);
    elapsed += delay;
  }
  expect(elapsed).toBeGreaterThan(3 * 86_400_000);
});
