import { defineConfig } from 'vitest/config';
import ContractCoverage from './test/harness/contract-coverage.ts';
import SkippedTests from './test/harness/skipped-tests.ts';

export default defineConfig({
  test: {
    reporters: ['default', new ContractCoverage(), new SkippedTests()],
    globalSetup: 'test/harness/global-postgres.ts',
    include: ['test/**/*.test.ts'],
    sequence: { shuffle: true },
    // Tests mostly wait for processes and leases, so several can share a core.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A busy machine takes longer to bring about what a test polls for.
    expect: { poll: { timeout: 20_000 } },
  },
});
