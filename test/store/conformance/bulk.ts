/** How a store saves several submissions in one transaction. */
import { expect } from 'vitest';
import type { BulkIdempotency, SubmissionResult } from '../../../src/store/intake.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { deliverDue, leadsIn, submissionsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, waitLongerThan } from './behaviour.ts';

/** A key, under which the outcomes are recorded. */
function keyed(key: string, fingerprint = key): BulkIdempotency {
  const responseTo = (results: readonly SubmissionResult[]) => JSON.stringify(outcomesOf(results));
  return { key, fingerprint, responseTo };
}

function outcomesOf(results: readonly SubmissionResult[]): string[] {
  return results.map(({ outcome }) => outcome);
}

export const bulk: Behaviours = {
  'saves several submissions with the outcomes that they would have one after another': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(second.id, { mobile: mobileOf(1) }));
    await store.addSuppressions([operatorEntry(mobileOf(2))]);
    const sent = [
      from(first.id, { mobile: mobileOf(0), delays: 60 }),
      from(first.id, { mobile: mobileOf(1) }),
      from(first.id, { mobile: mobileOf(2) }),
      from(first.id, { mobile: mobileOf(3), type: 'other' }),
      from(first.id, { mobile: mobileOf(0) }),
      from(first.id, { mobile: mobileOf(4) }),
    ];
    const stored = await store.submitAll(sent, first.id);
    if (stored.outcome !== 'saved') throw new Error(stored.outcome);
    expect(outcomesOf(stored.results)).toEqual([
      'accepted',
      'already-scheduled',
      'do-not-call',
      'unknown-type',
      'already-scheduled',
      'accepted',
    ]);
    const saved = await submissionsIn(store);
    expect(saved.map(({ id }) => id)).toEqual(expect.arrayContaining(sent.map(({ id }) => id)));
    const leads = await leadsIn(store);
    for (const result of stored.results) {
      if (result.outcome !== 'accepted') continue;
      const lead = leads.find(({ id }) => id === result.leadId);
      expect(lead).toMatchObject({ state: 'scheduled', dueAt: result.dueAt });
    }
  },

  'saves none of several submissions if one of them cannot be saved': async (open) => {
    const { store, first, from } = await seeded(open());
    const one = from(first.id, { mobile: mobileOf(0) });
    const same = from(first.id, { mobile: mobileOf(2), id: one.id });
    const sent = [one, from(first.id, { mobile: mobileOf(1) }), same];
    // A submission that waits for the same commit is saved nevertheless.
    const other = store.submit(from(first.id, { mobile: mobileOf(3) }));
    await expect(store.submitAll(sent, first.id, keyed('k'))).rejects.toThrow();
    expect(await other).toMatchObject({ outcome: 'accepted' });
    expect(await submissionsIn(store)).toHaveLength(1);
    expect((await leadsIn(store)).map(({ mobile }) => mobile)).toEqual([mobileOf(3)]);
    expect(await store.submitAll([one], first.id, keyed('k'))).toMatchObject({ outcome: 'saved' });
  },

  'replays the response to several submissions': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const send = (partnerId = first.id, key = keyed('k')) =>
      store.submitAll([from(partnerId), from(partnerId)], partnerId, key);
    expect(await send()).toMatchObject({ outcome: 'saved' });
    expect(await send()).toEqual({ outcome: 'replayed', response: '["accepted","already-scheduled"]' });
    expect(await send(first.id, keyed('k', 'another'))).toEqual({ outcome: 'idempotency-key-reused' });
    expect(await submissionsIn(store)).toHaveLength(2);
    expect(await send(second.id)).toMatchObject({ outcome: 'saved' });
  },

  'shares idempotency keys between single and several submissions': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submitAll([from(first.id)], first.id, keyed('several'));
    await store.submit(from(first.id), keyed('single'));
    const reused = { outcome: 'idempotency-key-reused' };
    expect(await store.submit(from(first.id), keyed('several', 'of a single one'))).toEqual(reused);
    expect(await store.submitAll([from(first.id)], first.id, keyed('single', 'of several'))).toEqual(reused);
  },

  'records the response to a request without submissions': async (open) => {
    const { store, first } = await seeded(open());
    expect(await store.submitAll([], first.id)).toEqual({ outcome: 'saved', results: [] });
    expect(await store.submitAll([], first.id, keyed('k'))).toEqual({ outcome: 'saved', results: [] });
    expect(await store.submitAll([], first.id, keyed('k'))).toEqual({ outcome: 'replayed', response: '[]' });
  },

  'accepts dialled people after the re-contact period together with others': async (open) => {
    const { store, first, from } = await seeded(open(), 20);
    await store.submit(from(first.id, { mobile: mobileOf(0) }));
    await deliverDue(store);
    await waitLongerThan(20);
    const sent = [0, 1, 0].map((index) => from(first.id, { mobile: mobileOf(index) }));
    const stored = await store.submitAll(sent, first.id);
    expect(stored).toMatchObject({
      results: [{ outcome: 'accepted' }, { outcome: 'accepted' }, { outcome: 'already-scheduled' }],
    });
  },

  'accepts each person once if requests with the same people arrive together': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const people = Array.from({ length: 40 }, (_, index) => mobileOf(index));
    const requests = Array.from({ length: 8 }, (_, at) => {
      const { id } = at % 2 ? first : second;
      const order = at % 3 ? people : people.toReversed();
      return store.submitAll(
        order.map((mobile) => from(id, { mobile })),
        id,
      );
    });
    const results = (await Promise.all(requests)).flatMap((stored) =>
      stored.outcome === 'saved' ? stored.results : [],
    );
    expect(results.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(people.length);
    expect(results.filter(({ outcome }) => outcome === 'already-scheduled')).toHaveLength(7 * people.length);
    expect(await leadsIn(store)).toHaveLength(people.length);
  },
};
