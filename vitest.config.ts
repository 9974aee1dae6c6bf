import { defineConfig } from 'vitest/config';
import ContractCoverage from './test/harness/contract-coverage.ts';

export default defineConfig({
  test: {
    reporters: ['default', new ContractCoverage()],
    globalSetup: 'test/harness/global-postgres.ts',
    include: ['test/**/*.test.ts'],
    sequence: { shuffle: true },
    // Most of what the tests take is waiting for processes and leases, so a core can be shared.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is polled comes when the machine has time for it.
    expect: { poll: { timeout: 20_000 } },
  },
});
