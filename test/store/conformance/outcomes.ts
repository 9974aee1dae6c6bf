/** Every outcome of a submission and of a request to cancel, in a situation that leads to it. */
import { expect } from 'vitest';
import {
  type CancellationOutcome,
  type SubmissionOutcome,
  submissionOutcomes,
} from '../../../src/leads/lead.ts';
import type { CancellationResult, SubmissionResult } from '../../../src/store/intake.ts';
import { cancel, claim, deliverDue, leadsIn, submissionsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, forEach, person } from './behaviour.ts';

type SeededStore = Awaited<ReturnType<typeof seeded>>;

/** Brings about an outcome as the last request of the first partner. */
type Scenario<Result> = (seeded: SeededStore) => Promise<Result>;

const submissionScenarios: Record<SubmissionOutcome, Scenario<SubmissionResult>> = {
  accepted: ({ store, first, from }) => store.submit(from(first.id)),

  async 'existing-contact'({ store, first, second, from }) {
    await store.submit(from(second.id));
    await deliverDue(store);
    return store.submit(from(first.id));
  },

  async 'already-scheduled'({ store, first, second, from }) {
    await store.submit(from(second.id));
    return store.submit(from(first.id));
  },

  async 'unknown-type'({ store, first, from }) {
    await store.addType('home', null);
    return store.submit(from(first.id, { type: 'home' }));
  },

  async 'do-not-call'({ store, first, from }) {
    await store.addSuppressions([operatorEntry(person.mobile)]);
    return store.submit(from(first.id));
  },
};

const cancellationScenarios: Record<CancellationOutcome, Scenario<CancellationResult>> = {
  async cancelled({ store, first, from }) {
    await store.submit(from(first.id));
    return cancel(store, { partnerId: first.id, ...person });
  },

  async 'not-found'({ store, first, second, from }) {
    await store.submit(from(second.id));
    return cancel(store, { partnerId: first.id, ...person });
  },

  async 'already-processed'({ store, first, from }) {
    await store.submit(from(first.id));
    await claim(store, 'test');
    return cancel(store, { partnerId: first.id, ...person });
  },

  async 'unknown-type'({ store, first }) {
    await store.addType('home', null);
    return cancel(store, { partnerId: first.id, ...person, type: 'home' });
  },
};

// The cast: the record has these keys and no others.
const cancellationOutcomes = Object.keys(cancellationScenarios) as CancellationOutcome[];

export const outcomes: Behaviours = {
  ...forEach(submissionOutcomes, 'stores a submission with its outcome', async (open, outcome) => {
    const parts = await seeded(open());
    expect(await submissionScenarios[outcome](parts)).toMatchObject({ outcome, isReplay: false });
    const [stored] = (await submissionsIn(parts.store)).filter(({ partner }) => partner === 'first');
    const [lead] = await leadsIn(parts.store);
    const hasLead = outcome !== 'unknown-type' && outcome !== 'do-not-call';
    const leadId = hasLead ? lead?.id : null;
    expect(stored).toMatchObject({ outcome, leadId, reruns: [] });
  }),

  ...forEach(cancellationOutcomes, 'stores a request to cancel with its outcome', async (open, outcome) => {
    const parts = await seeded(open());
    expect(await cancellationScenarios[outcome](parts)).toEqual({ outcome, isReplay: false });
    const [stored] = await Array.fromAsync(parts.store.cancellations(person.mobile));
    const [lead] = await leadsIn(parts.store);
    const hasLead = outcome === 'cancelled' || outcome === 'already-processed';
    expect(stored).toMatchObject({ partner: 'first', outcome, leadId: hasLead ? lead?.id : null });
  }),
};
