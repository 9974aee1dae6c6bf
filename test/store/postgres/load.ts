import { expect } from 'vitest';
import type { Submission } from '../../../src/leads/submission.ts';
import { type Store, StoreUnavailable, type SubmissionResult } from '../../../src/store/store.ts';
import { leadsIn, submissionsIn } from '../../harness/server.ts';

/** What somebody was told of a submission. */
type StoredResult = { submission: Submission } & ({ submitted: SubmissionResult } | { error: unknown });

/** Submissions that go on until they are stopped, and what their senders were told. */
export interface Load {
  told: StoredResult[];
  /** How many were answered that they are saved. */
  saved(): number;
  stop(): Promise<void>;
}

let people = 0;

/**
 * Sends submissions to stores side by side, some people twice at once.
 *
 * @param make a submission of the person with this number
 */
export function startLoad(
  stores: readonly Store[],
  make: (mobile: string) => Submission,
  senders = 20,
): Load {
  const told: StoredResult[] = [];
  let isStopping = false;
  const submit = async (store: Store | undefined, submission: Submission) => {
    try {
      const submitted = await store?.submit(submission);
      if (submitted !== undefined) told.push({ submission, submitted });
    } catch (error) {
      told.push({ submission, error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const sender = async (index: number) => {
    for (let round = 0; !isStopping; round += 1) {
      people += 1;
      const mobile = `+44784${String(people).padStart(7, '0')}`;
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
    told,
    saved: () => told.filter((each) => 'submitted' in each).length,
    stop: async () => {
      isStopping = true;
      await sending;
    },
  };
}

/** Nobody was told what is not so: nothing acknowledged is lost, nothing refused is there, nobody is taken twice. */
export async function expectTruth(store: Store, { told }: Load): Promise<void> {
  const saved = new Map((await submissionsIn(store)).map((each) => [each.id, each]));
  for (const each of told) {
    const kept = saved.get(each.submission.id);
    if ('submitted' in each) expect(kept?.outcome, each.submission.id).toBe(each.submitted.outcome);
    // 503 says nothing of what became of it; everything else says that nothing was saved.
    else if (!(each.error instanceof StoreUnavailable)) expect(kept, String(each.error)).toBeUndefined();
  }
  const leads = await leadsIn(store);
  expect(new Set(leads.map(({ mobile }) => mobile)).size).toBe(leads.length);
  const accepted = [...saved.values()].filter(({ outcome }) => outcome === 'accepted');
  expect(accepted.map(({ leadId }) => leadId).toSorted()).toEqual(leads.map(({ id }) => id).toSorted());
}
