/** Files that share a worker must not notice what a test has replaced. */
import { beforeEach, onTestFinished, vi } from 'vitest';

beforeEach(() => {
  // Registered first, this runs last: what a test registers may need its timers.
  onTestFinished(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
  });
});
