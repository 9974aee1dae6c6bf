/** What partners ask to cancel is stored as what they add is, and nobody is called after it unless an operator insists. */
import { describe, expect, test } from 'vitest';
import { identifierBound } from '../../src/leads/identifier.ts';
import { CancelledLater } from '../../src/store/cancelled-later.ts';
import type { CancellationRecord, Store } from '../../src/store/store.ts';
import { cancel, claim, dialDue, leadsIn, record } from '../harness/server.ts';
import { furnished, stores } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };

function cancellationsIn(store: Store, mobile = person.mobile): Promise<CancellationRecord[]> {
  return Array.fromAsync(store.cancellations(mobile));
}

describe.each(stores)('$name', ({ open }) => {
  test('every cancellation is stored with its outcome, the newest first', async () => {
    const { store, first, second, from } = await furnished(open());
    const own = { partnerId: first.id, ...person };
    const receivedAt = Date.now() - 1_000;
    const content = '{ "mobile":"07840 258823", "type" : "motor" }';
    await cancel(store, { ...own, id: 'first-of-all', receivedAt, content });
    await cancel(store, { ...own, type: 'other' });
    await store.submit(from(first.id));
    await cancel(store, own);
    await store.submit(from(first.id));
    await cancel(store, { partnerId: second.id, ...person });
    await dialDue(store);
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
      outcome: 'not-found',
      leadId: null,
      content,
    });
    expect(await Array.fromAsync(store.submissions({}, 10))).toHaveLength(2);
    expect(await cancellationsIn(store, '+447840258824')).toHaveLength(1);
    expect(await cancellationsIn(store, '+447840258825')).toEqual([]);
  });

  test('a type that nobody could have is stored as it was sent, as far as the store can hold it', async () => {
    const { store, first } = await furnished(open());
    await cancel(store, { partnerId: first.id, ...person, type: 'odd \u0000 \ud800' });
    expect(await cancellationsIn(store)).toMatchObject([{ outcome: 'unknown-type' }]);
  });

  test('a replayed request is not stored a second time', async () => {
    const { store, first } = await furnished(open());
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

  test('of many cancellations at once one cancels the lead, and all are stored', async () => {
    const { store, first, from } = await furnished(open());
    await store.submit(from(first.id));
    await Promise.all(Array.from({ length: 20 }, () => cancel(store, { partnerId: first.id, ...person })));
    const outcomes = (await cancellationsIn(store)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'cancelled')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'not-found')).toHaveLength(19);
  });

  test('cancellations are not counted or listed as submissions', async () => {
    const { store, first } = await furnished(open());
    const { cursor } = await store.activity(undefined);
    // Old enough for a look at the activity.
    const id = `${identifierBound(Date.now() - 5_000)}0000000000`;
    await cancel(store, { id, partnerId: first.id, ...person });
    await expect(store.rerun(id)).rejects.toThrow(`Submission "${id}" does not exist`);
    expect((await store.activity({ ...cursor, submission: '' })).submissions).toEqual([]);
    expect(await Array.fromAsync(store.submissions({ mobile: person.mobile }, 10))).toEqual([]);
  });

  /** A submission that could not be accepted yet, and what happens to it once it can be. */
  async function waiting() {
    const all = await furnished(open());
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
    'a re-run does not override a later cancellation of its partner: %s',
    async (outcome) => {
      const { store, first, from, own, submission, submit, grant } = await waiting();
      await submit();
      if (outcome !== 'unknown-type') await grant();
      if (outcome === 'cancelled' || outcome === 'already-processed') {
        await store.submit(from(first.id, { type: 'later' }));
      }
      if (outcome === 'already-processed') await claim(store, 'test');
      expect(await cancel(store, own)).toMatchObject({ outcome });
      if (outcome === 'unknown-type') await grant();
      const before = await leadsIn(store);
      const refusal = await store.rerun(submission.id).catch((error: unknown) => error);
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

  test('a forced re-run overrides it, and returns what stood against it', async () => {
    const { store, own, submission, submit, grant } = await waiting();
    await submit();
    await cancel(store, own);
    await grant();
    expect(await store.rerun(submission.id, true)).toMatchObject({
      outcome: 'accepted',
      cancellations: [{ outcome: 'unknown-type', isLater: true, isOwn: true }],
    });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled']);
  });

  test('a re-run of a lead that its partner cancelled needs force as well', async () => {
    const { store, first, from } = await furnished(open());
    const submission = from(first.id);
    await store.submit(submission);
    await cancel(store, { partnerId: first.id, ...person });
    await expect(store.rerun(submission.id)).rejects.toThrow('Add --force to schedule it anyway.');
    expect((await store.rerun(submission.id, true)).outcome).toBe('accepted');
  });

  test('other partners, an earlier cancellation, another person and another type do not prevent a re-run', async () => {
    const { store, second, own, submission, submit, grant } = await waiting();
    await cancel(store, own);
    await submit();
    await cancel(store, { ...own, partnerId: second.id });
    await cancel(store, { ...own, mobile: '+447840258824' });
    await cancel(store, { ...own, type: 'motor' });
    await grant();
    const rerun = await store.rerun(submission.id);
    expect(rerun.outcome).toBe('accepted');
    expect(rerun.cancellations.map(({ partner, isLater, isOwn }) => [partner, isLater, isOwn])).toEqual([
      ['first', false, true],
      ['second', true, false],
    ]);
  });

  test('a live add is never prevented by an old cancellation', async () => {
    const { store, first, from } = await furnished(open());
    for (let round = 0; round < 3; round += 1) {
      await cancel(store, { partnerId: first.id, ...person });
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      await cancel(store, { partnerId: first.id, ...person });
    }
  });

  test('a retry does not override a cancellation that its partner sent after the lead', async () => {
    const { store, first, second, from } = await furnished(open());
    await store.submit(from(first.id));
    await dialDue(store, 'unknown');
    const [lead] = await leadsIn(store);
    const id = lead?.id ?? '';
    await cancel(store, { partnerId: second.id, ...person });
    expect((await store.retry(id)).cancellations).toMatchObject([{ partner: 'second', isOwn: false }]);
    await claim(store, 'test');
    await record(store, 'test', id, 'unavailable');
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    await expect(store.retry(id)).rejects.toThrow(`Lead ${id} was not scheduled: its partner "first"`);
    expect(await leadsIn(store)).toMatchObject([{ state: 'failed', isUndecided: true }]);
    expect(await store.retry(id, true)).toMatchObject({ mayHaveArrived: true });
    expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled' }]);
  });
});
