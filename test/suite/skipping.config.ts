import { defineConfig } from 'vitest/config';
import SkippedTests from '../harness/skipped-tests.ts';

/** The reporters of the suite, with tests that are skipped. */
export default defineConfig({
  test: { reporters: ['default', new SkippedTests()], include: ['test/suite/skipping-example.ts'] },
});
