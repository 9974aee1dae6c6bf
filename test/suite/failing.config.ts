import { defineConfig } from 'vitest/config';

/** The set-up of the suite, with one test that fails. */
export default defineConfig({
  test: {
    globalSetup: 'test/harness/global-postgres.ts',
    include: ['test/suite/failing-example.ts'],
  },
});
