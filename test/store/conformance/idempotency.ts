/** How a store replays requests with an idempotency key. */
import { expect, vi } from 'vitest';
import { idempotencyRetention } from '../../../src/leads/idempotency.ts';
import { cancel, deliverDue, leadsIn, submissionsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, forEach, hour, person, tableNamed } from './behaviour.ts';

export const idempotency: Behaviours = {
  'processes a submission with an idempotency key once, and replays its outcome': async (open) => {
    const { store, first, from } = await seeded(open());
    const submission = from(first.id, { delays: 60 });
    const outcome = await store.submit(submission, { key: 'k', fingerprint: 'f' });
    expect(outcome).toMatchObject({ outcome: 'accepted', isReplay: false });
    await deliverDue(store);
    const again = await store.submit(from(first.id, { delays: 60 }), { key: 'k', fingerprint: 'f' });
    expect(again).toEqual({ ...outcome, isReplay: true });
    expect(await submissionsIn(store)).toHaveLength(1);
  },

  'replays every outcome': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    for (const [key, changes, outcome] of [
      ['active', {}, 'already-scheduled'],
      ['untyped', { type: 'other' }, 'unknown-type'],
    ] as const) {
      const submit = () => store.submit(from(first.id, changes), { key, fingerprint: key });
      expect(await submit()).toEqual({ outcome, isReplay: false });
      await cancel(store, { partnerId: first.id, ...person });
      expect(await submit()).toEqual({ outcome, isReplay: true });
    }
    for (const [mobile, outcome] of [
      ['+447840258824', 'cancelled'],
      ['+447840258825', 'not-found'],
    ] as const) {
      const cancelling = () =>
        cancel(store, { partnerId: first.id, type: 'motor', mobile }, { key: mobile, fingerprint: mobile });
      if (outcome === 'cancelled') await store.submit(from(first.id, { mobile }));
      expect(await cancelling()).toEqual({ outcome, isReplay: false });
      await store.submit(from(first.id, { mobile }));
      expect(await cancelling()).toEqual({ outcome, isReplay: true });
      expect((await Array.fromAsync(store.leads({ mobile }, 1)))[0]?.state).toBe('scheduled');
    }
  },

  'stores a lead with an idempotency key only if the request created it': async (open) => {
    const { store, first, from } = await seeded(open());
    const submit = (key: string) => store.submit(from(first.id), { key, fingerprint: key });
    const accepted = await submit('accepted');
    await submit('already-scheduled');
    const records = tableNamed('idempotency_record');
    const leadIds = (await store.rows(records, undefined, 2)).map(
      (row) => row[records.columns.indexOf('lead_id')],
    );
    expect(leadIds).toEqual([accepted.outcome === 'accepted' && accepted.leadId, null]);
  },

  'changes nothing if the idempotency key belongs to another request': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
    const other = await store.submit(from(first.id, { mobile: '+447840258824' }), {
      key: 'k',
      fingerprint: 'g',
    });
    expect(other).toEqual({ outcome: 'idempotency-key-reused' });
    const cancelled = await cancel(store, { partnerId: first.id, ...person }, { key: 'k', fingerprint: 'g' });
    expect(cancelled).toEqual({ outcome: 'idempotency-key-reused' });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled']);
  },

  'separates the idempotency keys of partners': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
    const theirs = await store.submit(from(second.id), { key: 'k', fingerprint: 'g' });
    expect(theirs).toEqual({ outcome: 'already-scheduled', isReplay: false });
  },

  'processes one of many concurrent requests with one idempotency key, and replays the others': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2
          ? store.submit(from(first.id), { key: 'add', fingerprint: 'a' })
          : cancel(store, { partnerId: first.id, ...person }, { key: 'cancel', fingerprint: 'c' }),
      ),
    );
    for (const half of [0, 1]) {
      const same = results.filter((_, index) => index % 2 === half);
      expect(new Set(same.map(({ outcome }) => outcome)).size).toBe(1);
      expect(same.filter((result) => 'isReplay' in result && !result.isReplay)).toHaveLength(1);
    }
    expect(await submissionsIn(store)).toHaveLength(1);
  },

  ...forEach(
    [23 * hour, 24 * hour - 60_000],
    'replays an outcome of less than a day ago after maintenance (age in ms)',
    async (open, age) => {
      const { store, first, from } = await seeded(open());
      const submission = from(first.id);
      const key = { key: 'add', fingerprint: 'a' };
      const wanted = { partnerId: first.id, type: 'motor', mobile: '+447840258899' };
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - age });
      await store.submit(submission, key);
      await cancel(store, wanted, { key: 'cancel', fingerprint: 'c' });
      vi.useRealTimers();
      expect(await store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)).toBe(0);
      expect(await store.submit(from(first.id), key)).toMatchObject({ outcome: 'accepted', isReplay: true });
      await store.submit(from(first.id, { mobile: wanted.mobile }));
      expect(await cancel(store, wanted, { key: 'cancel', fingerprint: 'c' })).toEqual({
        outcome: 'not-found',
        isReplay: true,
      });
    },
  ),

  'processes a request again if its idempotency record is older than a day': async (open) => {
    const { store, first, from } = await seeded(open());
    const key = { key: 'add', fingerprint: 'a' };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 24 * hour - 1_000 });
    await store.submit(from(first.id), key);
    vi.useRealTimers();
    expect(await store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)).toBe(1);
    expect(await store.submit(from(first.id), key)).toEqual({
      outcome: 'already-scheduled',
      isReplay: false,
    });
  },

  'deletes idempotency records that are old enough, and no others': async (open) => {
    const { store, first, from } = await seeded(open());
    const submit = () => store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
    await submit();
    const kept = Date.now();
    expect(await store.deleteIdempotencyRecords(kept - 60_000)).toBe(0);
    expect(await submit()).toMatchObject({ isReplay: true });
    expect(await store.deleteIdempotencyRecords(kept + 1)).toBe(1);
    expect(await store.deleteIdempotencyRecords(kept + 1)).toBe(0);
    expect(await submit()).toEqual({ outcome: 'already-scheduled', isReplay: false });
  },
};
