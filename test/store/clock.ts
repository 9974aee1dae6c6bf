import { vi } from 'vitest';
import { identifierBound } from '../../src/leads/identifier.ts';

let made = 0;

/** Returns an identifier of the current time, even after the clock was set back; `newIdentifier` never goes back. */
export function currentIdentifier(): string {
  made += 1;
  return identifierBound(Date.now()) + made.toString(32).padStart(10, '0');
}

/**
 * A time after that of every row. Identifiers of tests in the same process may be later than the clock, after a test that
 * has set it forward.
 */
export const afterAllRows = Date.UTC(2100);

/** Runs something with a clock that is wrong by some time (ms; negative: set back). */
export async function withClockOffset<Result>(
  milliseconds: number,
  work: () => Promise<Result>,
): Promise<Result> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + milliseconds });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}
