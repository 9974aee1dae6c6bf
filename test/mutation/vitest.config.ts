import { defineConfig } from 'vitest/config';

/** The tests that run src/ in the test's own process, since only there a mutant can be switched on. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/{contract,leads,operations,server,dialler,store}/**/*.test.ts'],
    exclude: [
      'test/contract/{samples,workflows,changes}.test.ts',
      'test/delivery/{burst,crash,guide}.test.ts',
      'test/server/descriptors.test.ts',
      'test/store/{postgres/**,sqlite/**,growth.test.ts,sqlite.test.ts,migration.test.ts}',
    ],
    globalSetup: 'test/harness/global-postgres.ts',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
