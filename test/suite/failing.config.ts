import { defineConfig } from 'vitest/config';

/** The suite's own set-up, with one test that fails. */
export default defineConfig({
  test: {
    globalSetup: 'test/harness/global-postgres.ts',
    include: ['test/suite/failing-example.ts'],
  },
});
