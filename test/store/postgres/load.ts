import { expect } from 'vitest';
import type { Submission } from '../../../src/leads/submission.ts';
import type { SubmissionResult } from '../../../src/store/intake.ts';
import type { Store } from '../../../src/store/store.ts';
import { StoreUnavailable } from '../../../src/store/store-unavailable.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { leadsIn, submissionsIn } from '../../harness/server.ts';

/** Result that a sender received for a submission. */
type SentResult = { submission: Submission } & ({ result: SubmissionResult } | { error: unknown });

/** A continuous load of submissions, and the results that their senders received. */
export interface Load {
  results: SentResult[];
  /** Number of submissions reported as saved. */
  saved(): number;
  stop(): Promise<void>;
}

let people = 0;

/**
 * Sends submissions to stores concurrently, some people twice at the same time.
 *
 * @param make creates a submission for a person's number
 */
export function startLoad(
  stores: readonly Store[],
  make: (mobile: string) => Submission,
  senders = 20,
): Load {
  const results: SentResult[] = [];
  let isStopping = false;
  const submit = async (store: Store | undefined, submission: Submission) => {
    try {
      const result = await store?.submit(submission);
      if (result !== undefined) results.push({ submission, result });
    } catch (error) {
      results.push({ submission, error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const sender = async (index: number) => {
    for (let round = 0; !isStopping; round += 1) {
      people += 1;
      const mobile = mobileOf(people);
      const store = stores[(index + round) % stores.length];
      const other = stores[(index + round + 1) % stores.length];
      await Promise.all([
        submit(store, make(mobile)),
        round % 3 === 0 ? submit(other, make(mobile)) : undefined,
      ]);
    }
  };
  const sending = Promise.all(Array.from({ length: senders }, (_, index) => sender(index)));
  return {
    results,
    saved: () => results.filter((each) => 'result' in each).length,
    stop: async () => {
      isStopping = true;
      await sending;
    },
  };
}

/**
 * Asserts that every result is true: nothing acknowledged is lost, nothing rejected is stored, nobody is accepted
 * twice.
 */
export async function expectTrueResults(store: Store, { results }: Load): Promise<void> {
  const saved = new Map((await submissionsIn(store)).map((each) => [each.id, each]));
  for (const each of results) {
    const stored = saved.get(each.submission.id);
    if ('result' in each) expect(stored?.outcome, each.submission.id).toBe(each.result.outcome);
    // 503 leaves the outcome open; every other error means that nothing was saved.
    else if (!(each.error instanceof StoreUnavailable)) expect(stored, String(each.error)).toBeUndefined();
  }
  const leads = await leadsIn(store);
  expect(new Set(leads.map(({ mobile }) => mobile)).size).toBe(leads.length);
  const accepted = [...saved.values()].filter(({ outcome }) => outcome === 'accepted');
  expect(accepted.map(({ leadId }) => leadId).toSorted()).toEqual(leads.map(({ id }) => id).toSorted());
}
