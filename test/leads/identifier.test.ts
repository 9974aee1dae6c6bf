/** A lead's id fits a dialler's field of 20 characters, and lists are sorted by it. */
import { beforeEach, expect, test, vi } from 'vitest';

/** Of a new process, in which no identifier has been made: the time of the latest one would replace an earlier time. */
let newIdentifier: (now?: number) => string;

beforeEach(async () => {
  vi.resetModules();
  ({ newIdentifier } = await import('../../src/leads/identifier.ts'));
});

test('an identifier consists of 20 lower-case letters and digits', () => {
  expect(newIdentifier()).toMatch(/^[0-9a-v]{20}$/);
  expect(newIdentifier(Date.UTC(9999, 11, 31))).toMatch(/^[0-9a-v]{20}$/);
});

test('identifiers sort by creation time, even within a millisecond and after the clock is set back', () => {
  const now = Date.now();
  const times = [now, now, now, now + 1, now + 1, now - 5_000, now + 2, now + 1_000_000];
  const made = times.map((time) => newIdentifier(time));
  expect(made.toSorted()).toEqual(made);
  // Both a later time and a later identifier of the same millisecond increase it.
  expect(new Set(made).size).toBe(made.length);
  const timestamps = made.map((identifier) => Number.parseInt(identifier.slice(0, 10), 32));
  expect(timestamps).toEqual([now, now, now, now + 1, now + 1, now + 1, now + 2, now + 1_000_000]);
});

test('a hundred thousand identifiers are all different', () => {
  expect(new Set(Array.from({ length: 100_000 }, () => newIdentifier())).size).toBe(100_000);
});
