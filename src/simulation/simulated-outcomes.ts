import type { TestNumber, TestNumbers } from '../contract/test-numbers.ts';
import { UserError } from '../errors/user-error.ts';
import type { Cancellation } from '../leads/cancellation.ts';
import { newIdentifier } from '../leads/identifier.ts';
import type { Submission } from '../leads/submission.ts';
import { testNumbersEndingIn } from '../leads/test-numbers.ts';
import type { Store } from '../store/store.ts';

/** Delay of the lead because of which another one is refused (s): nobody delivers it meanwhile. */
const priorDelay = 86_400;

/**
 * Returns a store in which some test numbers always have the same outcome: before such a request, it brings about the
 * situation that leads to it.
 *
 * @param store contains test data only
 */
export function withSimulatedOutcomes(store: Store, numbers: TestNumbers): Store {
  const prepareAll = async (submissions: readonly Submission[]): Promise<void> => {
    for (const submission of submissions) {
      const number = numbers.of(submission.mobile);
      if (number !== undefined) await prepare(store, submission, number);
    }
  };
  return {
    ...store,
    async submit(submission, idempotency) {
      await prepareAll([submission]);
      return store.submit(submission, idempotency);
    },
    async submitAll(submissions, partnerId, idempotency) {
      await prepareAll(submissions);
      return store.submitAll(submissions, partnerId, idempotency);
    },
    async cancel(cancellation, idempotency) {
      if (numbers.of(cancellation.mobile)?.cancelled === false) await deliverNow(store, cancellation);
      return store.cancel(cancellation, idempotency);
    },
  };
}

/** Enters the numbers whose leads are refused because the person objected in the do-not-call list. */
export async function enterObjections(store: Store, { all }: TestNumbers): Promise<void> {
  const mobiles = all
    .filter(({ outcome }) => outcome === 'do-not-call')
    .flatMap(({ ending }) => testNumbersEndingIn(ending));
  const objection = { type: undefined, source: 'operator', sourceId: '', reason: undefined } as const;
  await store.addSuppressions(mobiles.map((mobile) => ({ ...objection, mobile, objectedAt: Date.now() })));
}

/** Adds the lead because of which another one is refused, if there is none. */
async function prepare(store: Store, submission: Submission, { outcome }: TestNumber): Promise<void> {
  if (outcome !== 'existing-contact' && outcome !== 'already-scheduled') return;
  const { partnerId, keyId, receivedAt, type, mobile, content } = submission;
  const sent = { partnerId, keyId, receivedAt, type, mobile, content };
  const prior = await store.submit({ ...sent, id: newIdentifier(), delays: priorDelay });
  const isAdded = prior.outcome === 'accepted' && !prior.isReplay;
  if (isAdded && outcome === 'existing-contact') await store.resolveLead(prior.leadId, true);
}

/** Delivers the lead that a cancellation is about, if it is not delivered yet. */
async function deliverNow(store: Store, { partnerId, type, mobile }: Cancellation): Promise<void> {
  const lead = await store.leadStatus({ partnerId, type, mobile });
  if (lead?.state !== 'scheduled') return;
  try {
    await store.resolveLead(lead.id, true);
  } catch (error) {
    // An attempt is in flight: it delivers the lead.
    if (!(error instanceof UserError)) throw error;
  }
}
