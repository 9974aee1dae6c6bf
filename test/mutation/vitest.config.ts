import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders of tests, from those that need the least time for each mutant that they detect. */
const folders = ['leads', 'delivery', 'server', 'contract', 'operations'];

/** Runs fast tests first: a mutant is detected by the first test that fails, and the others are then skipped. */
class FastTestsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      folders.findIndex((folder) => moduleId.includes(`/test/${folder}/`));
    return files.toSorted((one, other) => rank(one) - rank(other));
  }
}

/** The tests that run src/ in their own process, because a mutant can be activated only there. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: [`test/{${folders}}/**/*.test.ts`],
    exclude: [
      'test/contract/{samples,workflows,changes}.test.ts',
      // Slow: the other tests of test/delivery cover the same code.
      'test/delivery/{burst,crash,dispatcher,guide,vicidial,webhook}.test.ts',
      'test/server/descriptors.test.ts',
    ],
    setupFiles: 'test/mutation/preload.ts',
    globalSetup: 'test/harness/global-postgres.ts',
    sequence: { sequencer: FastTestsFirst },
    // Loading the modules again for each file would take most of the time.
    isolate: false,
    // Short, because many mutants make a test wait in vain.
    testTimeout: 8_000,
    hookTimeout: 8_000,
    expect: { poll: { timeout: 6_000 } },
  },
});
