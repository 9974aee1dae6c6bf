import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: 'test/harness/global-postgres.ts',
    include: ['test/**/*.test.ts'],
    sequence: { shuffle: true },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
