import type { Reporter, TestModule, Vitest } from 'vitest/node';

declare module 'vitest' {
  interface TaskMeta {
    /** Program without which the test is skipped. */
    needs?: string;
  }
}

/** A test that was skipped. */
export interface SkippedTest {
  /** Program that the test needs; undefined: it was skipped for another reason. */
  needs: string | undefined;
  /** The reason that it gave. */
  note: string | undefined;
}

/**
 * Returns the lines that end a run: each missing program once, with the number of its tests, then every other reason.
 */
export function skippedLines(skipped: readonly SkippedTest[]): string[] {
  const programs = countEach(skipped.flatMap(({ needs }) => needs ?? []));
  const reasons = countEach(
    skipped.flatMap(({ needs, note }) => (needs === undefined ? (note ?? 'no reason given') : [])),
  );
  const lines = programs.map(([program, count]) => `${program} is not installed: ${tests(count)} skipped.`);
  if (lines.length > 0) lines.push('The README lists what these programs test; .ci/run installs them.');
  return [...lines, ...reasons.map(([reason, count]) => `${tests(count)} skipped: ${reason}`)];
}

/** Returns each text with the number of its occurrences, in alphabetical order. */
function countEach(texts: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].toSorted(([one], [other]) => one.localeCompare(other));
}

function tests(count: number): string {
  return `${count} ${count === 1 ? 'test' : 'tests'}`;
}

/** Reports at the end of a run which programs are missing on this machine, and how many tests were skipped for it. */
export default class SkippedTests implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    // With a name pattern, the skipped tests include those that the pattern excludes, so nothing is reported.
    if (this.#vitest === undefined || this.#vitest.config.testNamePattern) return;
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test): SkippedTest => {
        const result = test.result();
        return { needs: test.meta().needs, note: 'note' in result ? result.note : undefined };
      }),
    );
    for (const line of skippedLines(skipped)) this.#vitest.logger.log(line);
  }
}
