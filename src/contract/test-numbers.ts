import { readFileSync } from 'node:fs';
import type { CallResult } from '../leads/call-result.ts';
import type { SubmissionOutcome } from '../leads/lead.ts';
import { isTestNumber } from '../leads/test-numbers.ts';

const bundle = new URL('../../generated/openapi.json', import.meta.url);

/** What happens to the leads of some test numbers (`x-test-numbers` of openapi.yaml). */
export interface TestNumber {
  /** The last two digits of the numbers. */
  ending: string;
  /** Outcome of adding the lead. */
  outcome: Exclude<SubmissionOutcome, 'unknown-type'>;
  /** State of the lead once it is due. Undefined: it is not accepted. */
  state?: 'dialled' | 'scheduled' | 'failed' | 'expired' | 'suppressed';
  /** Number of deliveries until the dialler accepts the lead. Undefined: 1. */
  attempts?: number;
  /** Result of its call. Undefined: none is reported. */
  result?: CallResult;
  /** Whether it can be cancelled at once. Undefined: it can. */
  cancelled?: boolean;
  /** A sentence for partners. */
  description: string;
}

/** The test numbers of the contract. */
export interface TestNumbers {
  readonly all: readonly TestNumber[];
  /** Returns what happens to leads of a number (E.164). Undefined: they are accepted and delivered, without a result. */
  of(mobile: string): TestNumber | undefined;
}

/** Reads the test numbers from generated/, which `npm run generate` builds from openapi.yaml. */
export function readTestNumbers(): TestNumbers {
  // The cast: test/contract/test-numbers.test.ts checks this shape.
  const { 'x-test-numbers': all } = JSON.parse(readFileSync(bundle, 'utf8')) as {
    'x-test-numbers': TestNumber[];
  };
  const byEnding = new Map(all.map((each) => [each.ending, each]));
  return { all, of: (mobile) => (isTestNumber(mobile) ? byEnding.get(mobile.slice(-2)) : undefined) };
}
