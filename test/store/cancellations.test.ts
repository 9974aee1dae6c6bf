/** Requests to cancel are stored, and prevent later calls unless an operator forces them. */
import { describe, expect, test } from 'vitest';
import { identifierBound } from '../../src/leads/identifier.ts';
import { CancelledLater } from '../../src/store/cancelled-later.ts';
import type { CancellationRecord } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { cancel, claim, deliverDue, leadsIn, record } from '../harness/server.ts';
import { seeded, stores } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };

function cancellationsIn(store: Store, mobile = person.mobile): Promise<CancellationRecord[]> {
  return Array.fromAsync(store.cancellations(mobile));
}

describe.each(stores)('$name', ({ open }) => {
  test('lists every cancellation with its outcome, the newest first', async () => {
    const { store, first, second, from } = await seeded(open());
    const own = { partnerId: first.id, ...person };
    const receivedAt = Date.now() - 1_000;
    const content = '{ "mobile":"07840 258823", "type" : "motor" }';
    await cancel(store, { ...own, id: 'first-of-all', keyId: 'key', receivedAt, content });
    await cancel(store, { ...own, type: 'other' });
    await store.submit(from(first.id));
    await cancel(store, own);
    await store.submit(from(first.id));
    await cancel(store, { partnerId: second.id, ...person });
    await deliverDue(store);
    await cancel(store, own);
    await cancel(store, { ...own, mobile: '+447840258824' });
    const [dialled, cancelled] = await leadsIn(store);
    const stored = await cancellationsIn(store);
    expect(stored.map(({ partner, type, outcome, leadId }) => [partner, type, outcome, leadId])).toEqual([
      ['first', 'motor', 'already-processed', dialled?.id],
      ['second', 'motor', 'not-found', null],
      ['first', 'motor', 'cancelled', cancelled?.id],
      ['first', 'other', 'unknown-type', null],
      ['first', 'motor', 'not-found', null],
    ]);
    expect(stored.at(-1)).toEqual({
      id: 'first-of-all',
      partner: 'first',
      ...person,
      receivedAt,
      keyId: 'key',
      outcome: 'not-found',
      leadId: null,
      content,
    });
    expect(await Array.fromAsync(store.submissions({}, 10))).toHaveLength(2);
    expect(await cancellationsIn(store, '+447840258824')).toHaveLength(1);
    expect(await cancellationsIn(store, '+447840258825')).toEqual([]);
  });

  test('stores a type that cannot exist, with replacements for characters that the store cannot hold', async () => {
    const { store, first } = await seeded(open());
    await cancel(store, { partnerId: first.id, ...person, type: 'odd \u0000 \ud800' });
    expect(await cancellationsIn(store)).toMatchObject([{ outcome: 'unknown-type' }]);
  });

  test('does not store a replayed request again', async () => {
    const { store, first } = await seeded(open());
    const own = { partnerId: first.id, ...person };
    for (const isReplay of [false, true, true]) {
      expect(await cancel(store, own, { key: 'k', fingerprint: 'f' })).toEqual({
        outcome: 'not-found',
        isReplay,
      });
    }
    await cancel(store, own, { key: 'k', fingerprint: 'another request' });
    expect(await cancellationsIn(store)).toHaveLength(1);
  });

  test('cancels a lead with one of many concurrent cancellations, and stores all of them', async () => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await Promise.all(Array.from({ length: 20 }, () => cancel(store, { partnerId: first.id, ...person })));
    const outcomes = (await cancellationsIn(store)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'cancelled')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'not-found')).toHaveLength(19);
  });

  test('does not count or list cancellations as submissions', async () => {
    const { store, first } = await seeded(open());
    const { cursor } = await store.activity(undefined);
    // Old enough to be in the activity.
    const id = `${identifierBound(Date.now() - 5_000)}0000000000`;
    await cancel(store, { id, partnerId: first.id, ...person });
    await expect(store.rerunSubmission(id)).rejects.toThrow(`Submission "${id}" does not exist`);
    expect((await store.activity({ ...cursor, submissionId: '' })).submissions).toEqual([]);
    expect(await Array.fromAsync(store.submissions({ mobile: person.mobile }, 10))).toEqual([]);
  });

  /** Fills a store for a submission whose type does not exist until it is granted. */
  async function beforeGrant() {
    const all = await seeded(open());
    const submission = all.from(all.first.id, { type: 'later' });
    const own = { partnerId: all.first.id, type: 'later', mobile: submission.mobile };
    return {
      ...all,
      submission,
      own,
      submit: () => all.store.submit(submission),
      grant: async () => {
        await all.store.addType('later', null);
        await all.store.grantType('first', 'later');
        await all.store.grantType('second', 'later');
      },
    };
  }

  test.each(['unknown-type', 'not-found', 'cancelled', 'already-processed'] as const)(
    'does not re-run a submission that its partner cancelled later: %s',
    async (outcome) => {
      const { store, first, from, own, submission, submit, grant } = await beforeGrant();
      await submit();
      if (outcome !== 'unknown-type') await grant();
      if (outcome === 'cancelled' || outcome === 'already-processed') {
        await store.submit(from(first.id, { type: 'later' }));
      }
      if (outcome === 'already-processed') await claim(store, 'test');
      expect(await cancel(store, own)).toMatchObject({ outcome });
      if (outcome === 'unknown-type') await grant();
      const before = await leadsIn(store);
      const refusal = await store.rerunSubmission(submission.id).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(CancelledLater);
      expect(refusal).toMatchObject({
        message: expect.stringContaining(
          `Submission ${submission.id} was not scheduled: its partner "first"`,
        ),
        cancellations: [{ partner: 'first', outcome, isLater: true, isOwn: true }],
      });
      expect(await leadsIn(store)).toEqual(before);
      const [unchanged] = await Array.fromAsync(store.submissions({ outcome: 'unknown-type' }, 10));
      expect(unchanged).toMatchObject({ id: submission.id, reruns: [] });
    },
  );

  test('overrides later cancellations if the re-run is forced, and returns them', async () => {
    const { store, own, submission, submit, grant } = await beforeGrant();
    await submit();
    await cancel(store, own);
    await grant();
    expect(await store.rerunSubmission(submission.id, true)).toMatchObject({
      outcome: 'accepted',
      cancellations: [{ outcome: 'unknown-type', isLater: true, isOwn: true }],
    });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled']);
  });

  test('re-runs the submission of a cancelled lead only if forced', async () => {
    const { store, first, from } = await seeded(open());
    const submission = from(first.id);
    await store.submit(submission);
    await cancel(store, { partnerId: first.id, ...person });
    await expect(store.rerunSubmission(submission.id)).rejects.toThrow('Add --force to schedule it anyway.');
    expect((await store.rerunSubmission(submission.id, true)).outcome).toBe('accepted');
  });

  test('re-runs a submission despite an earlier cancellation, or one of another partner, person or type', async () => {
    const { store, second, own, submission, submit, grant } = await beforeGrant();
    await cancel(store, own);
    await submit();
    await cancel(store, { ...own, partnerId: second.id });
    await cancel(store, { ...own, mobile: '+447840258824' });
    await cancel(store, { ...own, type: 'motor' });
    await grant();
    const rerun = await store.rerunSubmission(submission.id);
    expect(rerun.outcome).toBe('accepted');
    expect(rerun.cancellations.map(({ partner, isLater, isOwn }) => [partner, isLater, isOwn])).toEqual([
      ['first', false, true],
      ['second', true, false],
    ]);
  });

  test('accepts a new submission after a cancellation', async () => {
    const { store, first, from } = await seeded(open());
    for (let round = 0; round < 3; round += 1) {
      await cancel(store, { partnerId: first.id, ...person });
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      await cancel(store, { partnerId: first.id, ...person });
    }
  });

  test('does not retry a lead that its partner cancelled later', async () => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store, 'unknown');
    const [lead] = await leadsIn(store);
    const id = lead?.id ?? '';
    await cancel(store, { partnerId: second.id, ...person });
    expect((await store.retryLead(id)).cancellations).toMatchObject([{ partner: 'second', isOwn: false }]);
    await claim(store, 'test');
    await record(store, 'test', id, 'unavailable');
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    await expect(store.retryLead(id)).rejects.toThrow(`Lead ${id} was not scheduled: its partner "first"`);
    expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: true }]);
    expect(await store.retryLead(id, { isForced: true })).toMatchObject({ mayHaveArrived: true });
    expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled' }]);
  });
});
