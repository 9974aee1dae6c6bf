import { StoreUnavailable } from '../../store-unavailable.ts';
import { failureKind, isUniqueViolation } from './errors.ts';

/** Delays before the retries (ms); the last repeats. Short at first, since most transient failures are lost races. */
const retryDelays = [5, 20, 100, 250] as const;

/** Outcome of the earlier attempts. */
export interface RetryState {
  /** Whether one of them ended with an unknown outcome, and may have been committed. */
  mayHaveCommitted: boolean;
}

/**
 * Calls `attempt` until it succeeds, fails permanently or times out. A PostgreSQL server that restarts or fails over is
 * then a delay for partners rather than a failure.
 *
 * @param attempt must find out what earlier attempts have committed if `mayHaveCommitted` is true
 * @param timeout after which failures are no longer retried (ms)
 * @throws {StoreUnavailable} if the outcome is unknown
 * @throws the last error otherwise
 */
export async function withRetries<Result>(
  attempt: (state: RetryState) => Promise<Result>,
  timeout: number,
): Promise<Result> {
  const deadline = performance.now() + timeout;
  const state: RetryState = { mayHaveCommitted: false };
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt(state);
    } catch (error) {
      const kind = failureKind(error);
      if (kind === 'unknown') state.mayHaveCommitted = true;
      // A unique violation may stem from the attempt whose outcome is unknown: the next one finds its result.
      const isRetried = kind !== 'permanent' || (state.mayHaveCommitted && isUniqueViolation(error));
      if (!isRetried || performance.now() > deadline) throw finalError(error, state);
      await new Promise((resolve) => setTimeout(resolve, retryDelays[failures] ?? retryDelays.at(-1)));
    }
  }
}

function finalError(error: unknown, { mayHaveCommitted }: RetryState): unknown {
  if (!mayHaveCommitted) return error;
  return new StoreUnavailable('PostgreSQL did not confirm a statement, so its outcome is unknown.', {
    cause: error,
  });
}
