import { defineConfig } from 'vitest/config';
import ContractCoverage from './test/harness/contract-coverage.ts';
import SlowestFirst from './test/harness/sequencer.ts';
import SkippedTests from './test/harness/skipped-tests.ts';

/**
 * Folders whose tests change nothing that other tests in the same process could notice. Their files share workers:
 * loading every module again for each file would take as long as their tests.
 */
const folders = 'test/{cli,contract,delivery,leads,operations,partners,server,store,text}';

/**
 * All but the tests that register global OpenTelemetry providers, that run a PostgreSQL server of their own, that count
 * objects, and whose identifiers must not be later than the clock, as after a test that has set the clock forward.
 */
const shared = `${folders}/**/!(tracing|connections|export|kept-objects|person|person-digests|report).test.ts`;

export default defineConfig({
  test: {
    reporters: ['default', new ContractCoverage(), new SkippedTests()],
    globalSetup: 'test/harness/global-postgres.ts',
    sequence: { shuffle: true, sequencer: SlowestFirst },
    // Tests mostly wait for processes and leases, so several can share a core.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A busy machine takes longer to bring about what a test polls for.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: [shared],
          isolate: false,
          setupFiles: 'test/harness/restore.ts',
        },
      },
      {
        extends: true,
        test: { name: 'isolated', include: ['test/**/*.test.ts'], exclude: [shared, '**/node_modules/**'] },
      },
    ],
  },
});
