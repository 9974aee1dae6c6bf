import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import ContractCoverage from '../../harness/contract-coverage.ts';

/** The folder of the tests of the operations. By default this one, in which no file is missing from a run. */
const folder = fileURLToPath(new URL(process.env['FOLDER'] ?? '.', import.meta.url));

export default defineConfig({
  test: {
    reporters: ['default', new ContractCoverage(folder)],
    include: ['test/suite/uncovered/example.ts'],
  },
});
