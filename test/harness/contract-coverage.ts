import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import type { OperationId } from '../../src/contract/reply.ts';
import { operationIds, operationOf, responseExamples } from './contract.ts';

/** The response that a test received to the request of an example. */
export interface Produced {
  id: OperationId;
  /** The example's key. */
  key: string;
  status: number;
  json: unknown;
}

declare module 'vitest' {
  interface TaskMeta {
    produced?: Produced;
  }
}

/** Returns the responses that a complete run receives. */
export function documentedResponses(): Produced[] {
  return operationIds().flatMap((id) =>
    Object.keys(operationOf(id).responses).flatMap((status) =>
      Object.entries(responseExamples(id, Number(status))).map(([key, { value }]) => ({
        id,
        key,
        status: Number(status),
        json: value,
      })),
    ),
  );
}

/** Returns the examples of openapi.yaml that no response matches, such as `addLead 200 accepted`. */
export function missingResponses(responses: readonly Produced[]): string[] {
  return operationIds().flatMap((id) =>
    Object.keys(operationOf(id).responses).flatMap((status) => {
      const isExample = (key: string, value: unknown) =>
        responses.some(
          (response) =>
            response.id === id &&
            response.key === key &&
            response.status === Number(status) &&
            isDeepStrictEqual(response.json, value),
        );
      const examples = Object.entries(responseExamples(id, Number(status)));
      if (examples.length === 0) return [`${id} ${status} (it has no example)`];
      return examples
        .filter(([key, { value }]) => !isExample(key, value))
        .map(([key]) => `${id} ${status} ${key}`);
    }),
  );
}

const operations = fileURLToPath(new URL('../operations/', import.meta.url));

/**
 * Fails a run of all operation tests if no test received one of the documented responses: the existence of a test file
 * does not prove that it tests anything.
 */
export default class ContractCoverage implements Reporter {
  readonly #folder: string;
  #vitest: Vitest | undefined;

  /** @param folder with the tests of the operations */
  constructor(folder = operations) {
    this.#folder = folder;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const vitest = this.#vitest;
    if (vitest === undefined || vitest.config.testNamePattern || !areAllRun(this.#folder, modules)) return;
    const missing = missingResponses(
      modules.flatMap((module) =>
        [...module.children.allTests()].flatMap((test) => test.meta().produced ?? []),
      ),
    );
    if (missing.length === 0) return;
    vitest.logger.error(`Documented responses that no test has received:\n  ${missing.join('\n  ')}`);
    process.exitCode = 1;
  }
}

/** Returns whether every test file of a folder was run. */
function areAllRun(folder: string, modules: readonly TestModule[]): boolean {
  const run = new Set(modules.map(({ moduleId }) => moduleId));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.test.ts')).every((file) => run.has(join(folder, file)));
}
