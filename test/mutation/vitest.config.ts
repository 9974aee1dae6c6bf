import { defineConfig } from 'vitest/config';

/** The tests that run src/ in their own process, because a mutant can be activated only there. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/{contract,leads,operations,server,delivery}/**/*.test.ts'],
    exclude: [
      'test/contract/{samples,workflows,changes}.test.ts',
      // Slow: the other tests of test/delivery cover the same code.
      'test/delivery/{burst,crash,dispatcher,guide,vicidial,webhook}.test.ts',
      'test/server/descriptors.test.ts',
    ],
    setupFiles: 'test/mutation/preload.ts',
    globalSetup: 'test/harness/global-postgres.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
