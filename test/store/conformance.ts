/** What the lead logic relies on, whichever store is behind it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { UserError } from '../../src/errors/user-error.ts';
import type { AttemptOutcome } from '../../src/leads/attempt.ts';
import { idempotencyRetention } from '../../src/leads/idempotency.ts';
import { cancel, claim, dialDue, leadsIn, record, submissionsIn } from '../harness/server.ts';
import { furnished, type TestedStore } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };
const hour = 3_600_000;
const year = 365 * 24 * hour;

/** Until the clock has moved on by more than `milliseconds`. */
function pass(milliseconds: number): Promise<void> {
  const start = Date.now();
  return vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start + milliseconds), {
    interval: 2,
    timeout: milliseconds + 20_000,
  });
}

/** Sets the clock of this process until the test ends, from the next turn of the event loop on. Timers stay as they are. */
async function setClock(now: number): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now });
  onTestFinished(() => void vi.useRealTimers());
  await nextTurn();
}

/** Holds a store to every promise that the lead logic, the dispatcher and the commands rely on. */
export function keepsEveryPromise({ name, open }: TestedStore): void {
  describe(name, () => {
    test('a person is delivered once per type, whichever partner sends', async () => {
      const { store, first, second, from } = await furnished(open());
      await store.addType('home', null);
      await store.grantType('first', 'home');
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      expect(await store.submit(from(second.id))).toMatchObject({ outcome: 'already-scheduled' });
      expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'accepted' });
      expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
        outcome: 'accepted',
      });
    });

    test('of two hundred equal submissions at once exactly one is accepted', async () => {
      const { store, first, second, from } = await furnished(open());
      const all = Array.from({ length: 200 }, (_, index) =>
        store.submit(from(index % 2 ? first.id : second.id)),
      );
      const outcomes = (await Promise.all(all)).map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'already-scheduled')).toHaveLength(199);
      expect(await submissionsIn(store)).toHaveLength(200);
    });

    test('a dialled person is an existing contact for ever where the type has no re-contact period', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await dialDue(store);
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
    });

    test('a dialled person is an existing contact until the re-contact period has passed', async () => {
      const { store, first, from } = await furnished(open(), year);
      await store.submit(from(first.id));
      await dialDue(store);
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
    });

    test('after the re-contact period a person is taken again, once, and the old lead is kept', async () => {
      const { store, first, second, from } = await furnished(open(), 20);
      await store.submit(from(first.id));
      await dialDue(store);
      await pass(20);
      const outcomes = await Promise.all([first, second, first].map(({ id }) => store.submit(from(id))));
      expect(outcomes.map(({ outcome }) => outcome)).toEqual([
        'accepted',
        'already-scheduled',
        'already-scheduled',
      ]);
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'dialled']);
    });

    test('a cancelled lead is no obstacle, and its history is kept', async () => {
      const { store, first, second, from } = await furnished(open());
      for (let round = 0; round < 3; round += 1) {
        expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
        expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
          outcome: 'cancelled',
        });
      }
      expect(await store.submit(from(second.id))).toMatchObject({ outcome: 'accepted' });
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual([
        'scheduled',
        'cancelled',
        'cancelled',
        'cancelled',
      ]);
    });

    test('what cannot be cancelled says why', async () => {
      const { store, first, second, from } = await furnished(open());
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'not-found' });
      expect(await cancel(store, { partnerId: first.id, ...person, type: 'other' })).toMatchObject({
        outcome: 'unknown-type',
      });
      await store.submit(from(first.id));
      expect(await cancel(store, { partnerId: second.id, ...person })).toMatchObject({
        outcome: 'not-found',
      });
      await dialDue(store);
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
        outcome: 'already-processed',
      });
      expect(await cancel(store, { partnerId: second.id, ...person })).toMatchObject({
        outcome: 'not-found',
      });
    });

    test('adding and cancelling the same lead at once ends in one of the two orders', async () => {
      const { store, first, from } = await furnished(open());
      for (let round = 0; round < 20; round += 1) {
        const mobile = `+4478402588${round + 10}`;
        const [added, cancelled] = await Promise.all([
          store.submit(from(first.id, { mobile })),
          cancel(store, { partnerId: first.id, type: 'motor', mobile }),
        ]);
        expect(added.outcome).toBe('accepted');
        const [lead] = await Array.fromAsync(store.leads({ mobile }, 1));
        expect(lead?.state).toBe(cancelled.outcome === 'cancelled' ? 'cancelled' : 'scheduled');
      }
    });

    test('of a hand-over and a cancel that meet exactly one wins', async () => {
      const { store, first, from } = await furnished(open());
      for (let round = 0; round < 20; round += 1) {
        const mobile = `+4478402588${round + 10}`;
        await store.submit(from(first.id, { mobile }));
        const cancelling = () => cancel(store, { partnerId: first.id, type: 'motor', mobile });
        const take = () => claim(store, `claim-${round}`);
        const [{ outcome: cancelled }, claimed] = await (round % 2
          ? Promise.all([cancelling(), take()])
          : Promise.all([take(), cancelling()]).then(([leads, outcome]) => [outcome, leads] as const));
        expect(claimed).toHaveLength(cancelled === 'cancelled' ? 0 : 1);
        expect(cancelled).toBe(claimed.length === 0 ? 'cancelled' : 'already-processed');
        for (const { id } of claimed) await record(store, `claim-${round}`, id, 'delivered');
      }
    });

    test('a submission with an idempotency key is delivered once, and its first answer is told again', async () => {
      const { store, first, from } = await furnished(open());
      const submission = from(first.id, { delays: 60 });
      const once = await store.submit(submission, { key: 'k', fingerprint: 'f' });
      expect(once).toMatchObject({ outcome: 'accepted', isReplay: false });
      await dialDue(store);
      const again = await store.submit(from(first.id, { delays: 60 }), { key: 'k', fingerprint: 'f' });
      expect(again).toEqual({ ...once, isReplay: true });
      expect(await submissionsIn(store)).toHaveLength(1);
    });

    test('whatever the first answer was, it is told again', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      for (const [key, changes, outcome] of [
        ['standing', {}, 'already-scheduled'],
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
    });

    test('an idempotency key that belongs to another request gets nothing done', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
      const other = await store.submit(from(first.id, { mobile: '+447840258824' }), {
        key: 'k',
        fingerprint: 'g',
      });
      expect(other).toEqual({ outcome: 'idempotency-key-reused' });
      const cancelled = await cancel(
        store,
        { partnerId: first.id, ...person },
        { key: 'k', fingerprint: 'g' },
      );
      expect(cancelled).toEqual({ outcome: 'idempotency-key-reused' });
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled']);
    });

    test('an idempotency key is its partner’s own', async () => {
      const { store, first, second, from } = await furnished(open());
      await store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
      const theirs = await store.submit(from(second.id), { key: 'k', fingerprint: 'g' });
      expect(theirs).toEqual({ outcome: 'already-scheduled', isReplay: false });
    });

    test('of many requests at once with one idempotency key one is made and the others are told', async () => {
      const { store, first, from } = await furnished(open());
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2
            ? store.submit(from(first.id), { key: 'add', fingerprint: 'a' })
            : cancel(store, { partnerId: first.id, ...person }, { key: 'cancel', fingerprint: 'c' }),
        ),
      );
      for (const half of [0, 1]) {
        const same = answers.filter((_, index) => index % 2 === half);
        expect(new Set(same.map(({ outcome }) => outcome)).size).toBe(1);
        expect(same.filter((response) => 'isReplay' in response && !response.isReplay)).toHaveLength(1);
      }
      expect(await submissionsIn(store)).toHaveLength(1);
    });

    test.each([23 * hour, 24 * hour - 60_000])(
      'an answer that was kept %i ms ago outlives the maintenance, and is replayed',
      async (age) => {
        const { store, first, from } = await furnished(open());
        const submission = from(first.id);
        const key = { key: 'add', fingerprint: 'a' };
        const wanted = { partnerId: first.id, type: 'motor', mobile: '+447840258899' };
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - age });
        await store.submit(submission, key);
        await cancel(store, wanted, { key: 'cancel', fingerprint: 'c' });
        vi.useRealTimers();
        expect(await store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)).toBe(0);
        expect(await store.submit(from(first.id), key)).toMatchObject({
          outcome: 'accepted',
          isReplay: true,
        });
        await store.submit(from(first.id, { mobile: wanted.mobile }));
        expect(await cancel(store, wanted, { key: 'cancel', fingerprint: 'c' })).toEqual({
          outcome: 'not-found',
          isReplay: true,
        });
      },
    );

    test('an answer that was kept for longer than a day is forgotten, and its key does something new', async () => {
      const { store, first, from } = await furnished(open());
      const key = { key: 'add', fingerprint: 'a' };
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 24 * hour - 1_000 });
      await store.submit(from(first.id), key);
      vi.useRealTimers();
      expect(await store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)).toBe(1);
      expect(await store.submit(from(first.id), key)).toEqual({
        outcome: 'already-scheduled',
        isReplay: false,
      });
    });

    test('an answer is forgotten once it is old enough, and not before', async () => {
      const { store, first, from } = await furnished(open());
      const submit = () => store.submit(from(first.id), { key: 'k', fingerprint: 'f' });
      await submit();
      const kept = Date.now();
      expect(await store.deleteIdempotencyRecords(kept - 60_000)).toBe(0);
      expect(await submit()).toMatchObject({ isReplay: true });
      expect(await store.deleteIdempotencyRecords(kept + 1)).toBe(1);
      expect(await store.deleteIdempotencyRecords(kept + 1)).toBe(0);
      expect(await submit()).toEqual({ outcome: 'already-scheduled', isReplay: false });
    });

    test('leads are handed over once each, the longest due first, and none before its time', async () => {
      const { store, first, from } = await furnished(open());
      const now = Date.now();
      for (const [index, delays] of [0, 3600, 0, 0].entries()) {
        await store.submit(from(first.id, { mobile: `+44784025882${index}`, receivedAt: now, delays }));
        await pass(1);
      }
      const claims = await Promise.all([
        claim(store, 'one', { limit: 2 }),
        claim(store, 'two', { limit: 2 }),
      ]);
      // Which of the two comes first is not ours to say.
      const mobiles = claims.map((leads) => leads.map(({ mobile }) => mobile));
      for (const each of mobiles) expect(each).toEqual(each.toSorted());
      expect(mobiles.flat().toSorted()).toEqual(['+447840258820', '+447840258822', '+447840258823']);
      expect(await Array.fromAsync(store.dueLeads(10))).toEqual([]);
    });

    test('a lease that ends gives the lead to the next, and an answer that comes late still counts', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      const [lead] = await claim(store, 'slow', { lease: 1 });
      expect(lead).toMatchObject({ attempts: 1, mayHaveArrived: false });
      await pass(1);
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
        outcome: 'already-processed',
      });
      const [again] = await claim(store, 'next');
      expect(again).toMatchObject({ id: lead?.id, attempts: 2, mayHaveArrived: true });
      expect(await claim(store, 'early')).toEqual([]);
      await record(store, 'slow', lead?.id ?? '', 'rejected');
      expect((await leadsIn(store))[0]?.state).toBe('scheduled');
      await record(store, 'slow', lead?.id ?? '', 'delivered');
      expect((await leadsIn(store))[0]?.state).toBe('dialled');
      await record(store, 'next', lead?.id ?? '', 'rejected');
      expect((await leadsIn(store))[0]?.state).toBe('dialled');
    });

    test.each([
      ['stale attempt first', ['slow', 'next']],
      ['current attempt first', ['next', 'slow']],
    ])('of two attempts of a lead that are recorded at once the current one counts: %s', async (_, order) => {
      const { store, first, from } = await furnished(open());
      const later = Date.now() + hour;
      const ended = async (outcomes: Record<string, AttemptOutcome>, mobile: string) => {
        await store.submit(from(first.id, { mobile }));
        const [lead] = await claim(store, 'slow', { lease: 1 });
        await pass(1);
        expect(await claim(store, 'next')).toMatchObject([{ id: lead?.id }]);
        const records = order.map((name) => {
          const outcome = outcomes[name] ?? 'unknown';
          return record(store, name, lead?.id ?? '', outcome, outcome === 'unavailable' ? later : undefined);
        });
        await Promise.all(records);
        return (await Array.fromAsync(store.leads({ mobile }, 1)))[0]?.state;
      };
      expect(await ended({ slow: 'rejected', next: 'unavailable' }, '+447840258823')).toBe('scheduled');
      expect(await store.nextAttemptAt()).toBe(later);
      expect(await ended({ slow: 'unavailable', next: 'rejected' }, '+447840258824')).toBe('failed');
    });

    test('of two attempts of a lead that are recorded at once one that was taken counts, however stale', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      const [lead] = await claim(store, 'slow', { lease: 1 });
      await pass(1);
      expect(await claim(store, 'next')).toMatchObject([{ id: lead?.id }]);
      const id = lead?.id ?? '';
      await Promise.all([record(store, 'slow', id, 'delivered'), record(store, 'next', id, 'rejected')]);
      expect((await leadsIn(store))[0]?.state).toBe('dialled');
    });

    test('every try is kept, and one that broke off as well', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await claim(store, 'killed', { lease: 1 });
      await pass(1);
      const [lead] = await claim(store, 'next');
      await record(store, 'next', lead?.id ?? '', 'unavailable', Date.now());
      await dialDue(store);
      const attempts = await Array.fromAsync(store.attempts(person.mobile));
      expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'unavailable', 'delivered']);
      expect((await leadsIn(store))[0]).toMatchObject({ attempts: 3, lastResponse: 'delivered once' });
    });

    test('a lead that waits for its next try is nobody’s until then, and those that are due go before it', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      const [lead] = await claim(store, 'test');
      const later = Date.now() + hour;
      await record(store, 'test', lead?.id ?? '', 'unavailable', later);
      expect(await claim(store, 'test')).toEqual([]);
      expect(await store.nextAttemptAt()).toBe(later);
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      expect(await claim(store, 'test')).toMatchObject([{ mobile: '+447840258824' }]);
    });

    test('the next try is the earliest of all due times, pauses and leases, and there may be none', async () => {
      const { store, first, from } = await furnished(open());
      expect(await store.nextAttemptAt()).toBeUndefined();
      const now = Date.now();
      await store.submit(from(first.id, { receivedAt: now, delays: 600 }));
      expect(await store.nextAttemptAt()).toBe(now + 600_000);
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      expect(await store.nextAttemptAt()).toBeLessThanOrEqual(Date.now());
      await claim(store, 'test', { lease: 60_000 });
      expect(await store.nextAttemptAt()).toBeGreaterThan(now + 50_000);
      await dialDue(store);
    });

    test('a lead whose lease is renewed stays with its claim, as long as nobody else has it', async () => {
      const { store, first, from } = await furnished(open());
      const mobiles = ['+447840258823', '+447840258824', '+447840258825'];
      for (const mobile of mobiles) await store.submit(from(first.id, { mobile }));
      const ids = (await claim(store, 'slow', { lease: 20 })).map(({ id }) => id);
      await pass(20);
      // Its lease has ended, and nobody else has asked.
      expect((await store.renewLease('slow', ids, 20)).toSorted()).toEqual(ids.toSorted());
      await pass(20);
      const [taken] = await claim(store, 'other', { limit: 1 });
      expect(taken?.mayHaveArrived).toBe(true);
      const others = ids.filter((id) => id !== taken?.id);
      expect((await store.renewLease('slow', ids, 60_000)).toSorted()).toEqual(others.toSorted());
      expect(await claim(store, 'third')).toEqual([]);
      await record(store, 'slow', others[0] ?? '', 'delivered');
      expect(await store.renewLease('slow', ids, 60_000)).toEqual(others.slice(1));
      expect(await store.renewLease('nobody', ids, 60_000)).toEqual([]);
      expect(await store.renewLease('slow', [], 60_000)).toEqual([]);
    });

    test('leads of several types share one line, the longest due first, page after page', async () => {
      const { store, first, from } = await furnished(open());
      for (const type of ['home', 'solar']) {
        await store.addType(type, null);
        await store.grantType('first', type);
      }
      const now = Date.now() - 1_000_000;
      vi.useFakeTimers({ toFake: ['Date'], now });
      const types = Array.from(
        { length: 700 },
        (_, index) => ['motor', 'home', 'solar'][(index * index) % 3],
      );
      await Promise.all(
        types.map((type = '', index) => {
          const mobile = `+44784${String(index).padStart(7, '0')}`;
          return store.submit(from(first.id, { type, mobile, receivedAt: now + index - (index % 2) }));
        }),
      );
      vi.useRealTimers();
      const inOrder = (await Array.fromAsync(store.dueLeads(10_000))).map(({ id }) => id);
      const leads = (await leadsIn(store)).toSorted(
        (one, other) => one.dueAt - other.dueAt || (one.id < other.id ? -1 : 1),
      );
      expect(inOrder).toEqual(leads.map(({ id }) => id));
      const claimed: string[] = [];
      for (const limit of [1, 2, 3, 300, 1_000]) {
        claimed.push(...(await claim(store, `claim-${limit}`, { limit })).map(({ id }) => id));
      }
      expect(claimed).toEqual(inOrder);
    });

    test('while a type is paused its leads are nobody’s, and the others go on', async () => {
      const { store, first, from } = await furnished(open());
      await store.addType('home', null);
      await store.grantType('first', 'home');
      await store.submit(from(first.id));
      await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
      expect(await store.nextAttemptAt()).toBeUndefined();
      await store.submit(from(first.id, { type: 'home' }));
      expect(await store.nextAttemptAt()).toBeLessThanOrEqual(Date.now());
      expect(await store.workload()).toMatchObject({ due: 1, duePaused: 1 });
      expect(await Array.fromAsync(store.dueLeads(10))).toMatchObject([{ type: 'home' }]);
      expect(await claim(store, 'one')).toMatchObject([{ type: 'home' }]);
      expect(await store.workload()).toMatchObject({ due: 0, duePaused: 1 });

      await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'moving' });
      expect(await store.nextAttemptAt()).toBeUndefined();
      await store.resumeDelivery('motor');
      expect(await claim(store, 'two')).toEqual([]);
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      await store.resumeDelivery(undefined);
      expect(await claim(store, 'two')).toMatchObject([{ type: 'motor' }]);
    });

    test('a lead that is in flight when its delivery is paused ends as any, and waits with its next attempt', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      const [one, two] = await claim(store, 'test');
      await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
      await record(store, 'test', one?.id ?? '', 'delivered');
      await record(store, 'test', two?.id ?? '', 'unavailable', Date.now());
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
      expect(await claim(store, 'next')).toEqual([]);
      await store.resumeDelivery(undefined);
      expect(await claim(store, 'next')).toMatchObject([{ id: two?.id }]);
    });

    test('pauses are listed with who paused and why: an operator’s last reason, a dialler’s first', async () => {
      const { store } = await furnished(open());
      const before = Date.now();
      await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'first' });
      await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'second' });
      await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'first' });
      await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'second' });
      await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'both' });
      const pauses = await store.pauses();
      expect(pauses.map(({ type, by, reason }) => [type, by, reason])).toEqual([
        [undefined, 'dialler', 'first'],
        [undefined, 'operator', 'both'],
        ['motor', 'operator', 'second'],
      ]);
      for (const { since } of pauses) {
        expect(since).toBeGreaterThanOrEqual(before);
        expect(since).toBeLessThanOrEqual(Date.now());
      }
      await expect(store.pauseDelivery({ type: 'home', by: 'operator', reason: 'x' })).rejects.toThrow(
        UserError,
      );
      expect(await store.resumeDelivery('home')).toEqual([]);
      expect((await store.resumeDelivery(undefined)).map(({ reason }) => reason).toSorted()).toEqual([
        'both',
        'first',
      ]);
      expect(await store.pauses()).toEqual(pauses.slice(2));
      expect(await store.resumeDelivery('motor')).toEqual(pauses.slice(2));
      expect(await store.pauses()).toEqual([]);
    });

    test('whoever waits for leads is told of a change', async () => {
      const { store, first, from } = await furnished(open());
      let changes = 0;
      const stop = store.onChange(() => {
        changes += 1;
      });
      await store.submit(from(first.id));
      expect(changes).toBe(1);
      stop();
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      expect(changes).toBe(1);
    });

    test('a lead that is too old is expired, or failed where the dialler may have it, and never claimed', async () => {
      const { store, first, from } = await furnished(open());
      const now = Date.now();
      await store.submit(from(first.id));
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      await store.submit(from(first.id, { mobile: '+447840258825', receivedAt: now, delays: 600 }));
      const [lead] = await claim(store, 'test', { limit: 1 });
      await record(store, 'test', lead?.id ?? '', 'unknown', now);
      const terms = { claim: 'test', limit: 10, lease: 60_000, notDueBefore: now + 300_000 };
      expect(await store.claimDue(terms)).toEqual({ leads: [], tooLate: 2, undecided: 1 });
      expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'expired', 'failed']);
      expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
        outcome: 'accepted',
      });
    });

    test.each(['rejected', 'unavailable', 'unknown'] as const)(
      'a lead that was %s and is not tried again has failed, and is not claimed',
      async (outcome) => {
        const { store, first, from } = await furnished(open());
        await store.submit(from(first.id));
        await dialDue(store, outcome);
        expect((await leadsIn(store))[0]).toMatchObject({ state: 'failed', attempts: 1 });
        expect(await claim(store, 'test')).toEqual([]);
      },
    );

    test('a failed lead is sent again with all its tries before it, once', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await dialDue(store, 'rejected');
      const [failed] = await leadsIn(store);
      await store.retry(failed?.id ?? '');
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
      expect(await claim(store, 'test')).toMatchObject([{ id: failed?.id, attempts: 1 }]);
      await expect(store.retry(failed?.id ?? '')).rejects.toThrow('is scheduled. Only a failed lead');
      await expect(store.retry('nothing')).rejects.toThrow('There is no lead with the id "nothing".');
    });

    test('a retry counts as due now, and an expired lead comes back by its submission', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id, { mobile: '+447840258824' }));
      await dialDue(store, 'rejected');
      const [failed] = await leadsIn(store);
      const late = from(first.id);
      await store.submit(late);
      const terms = { claim: 'test', limit: 10, lease: 60_000 };
      const inAnHour = Date.now() + hour;
      expect(await store.claimDue({ ...terms, notDueBefore: inAnHour })).toMatchObject({ tooLate: 1 });
      await pass(1);
      const notDueBefore = Date.now();
      await store.retry(failed?.id ?? '');
      expect((await store.rerun(late.id)).outcome).toBe('accepted');
      const { leads } = await store.claimDue({ ...terms, notDueBefore });
      expect(leads.map(({ mobile }) => mobile).toSorted()).toEqual([late.mobile, failed?.mobile]);
    });

    test('a lead whose delivery was paused may be too late to call after it', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
      const notDueBefore = Date.now() + hour;
      const terms = { claim: 'test', limit: 10, lease: 60_000, notDueBefore };
      expect((await store.claimDue(terms)).leads).toEqual([]);
      await store.resumeDelivery('motor');
      expect((await store.claimDue(terms)).leads).toEqual([]);
      expect(await leadsIn(store)).toMatchObject([{ state: 'expired' }]);
    });

    test('a failed lead is not sent again once the person was sent again', async () => {
      const { store, first, from } = await furnished(open());
      await store.submit(from(first.id));
      await dialDue(store, 'rejected');
      const [failed] = await leadsIn(store);
      await store.submit(from(first.id));
      await expect(store.retry(failed?.id ?? '')).rejects.toThrow(UserError);
      await cancel(store, { partnerId: first.id, ...person });
      await expect(store.retry(failed?.id ?? '')).rejects.toThrow('the person was sent again');
    });

    test('a partner is told of its own last lead, and of nobody else’s', async () => {
      const { store, first, second, from } = await furnished(open());
      const status = (partnerId: number) => store.leadStatus({ partnerId, ...person });
      expect(await status(first.id)).toBeUndefined();
      const submitted = await store.submit(from(first.id, { delays: 600 }));
      const dueAt = submitted.outcome === 'accepted' ? submitted.dueAt : 0;
      expect(await status(first.id)).toMatchObject({ state: 'scheduled', dueAt, dialledAt: null });
      expect(await status(second.id)).toBeUndefined();
      await cancel(store, { partnerId: first.id, ...person });
      await store.submit(from(second.id));
      expect(await status(first.id)).toMatchObject({ state: 'cancelled' });
      expect(await status(second.id)).toMatchObject({ state: 'scheduled' });
      expect(await store.leadStatus({ partnerId: first.id, ...person, type: 'other' })).toBeUndefined();
    });

    test('a replay can accept what had no type then, and both outcomes are kept', async () => {
      const { store, first, from } = await furnished(open());
      const submission = from(first.id, { type: 'later' });
      expect(await store.submit(submission)).toMatchObject({ outcome: 'unknown-type' });
      expect((await store.rerun(submission.id)).outcome).toBe('unknown-type');
      await store.addType('later', null);
      await store.grantType('first', 'later');
      expect((await store.rerun(submission.id)).outcome).toBe('accepted');
      const [record] = await submissionsIn(store);
      expect(record?.outcome).toBe('unknown-type');
      expect(record?.reruns.map(({ outcome }) => outcome)).toEqual(['unknown-type', 'accepted']);
      expect(record?.reruns[1]?.leadId).toBe((await leadsIn(store))[0]?.id);
      expect(await Array.fromAsync(store.submissions({ outcome: 'unknown-type' }, 10))).toEqual([]);
      expect(await Array.fromAsync(store.submissions({ outcome: 'accepted' }, 10))).toHaveLength(1);
      await expect(store.rerun('nothing')).rejects.toThrow(UserError);
    });

    test('a replayed delay counts from when the partner asked, and is never in the past', async () => {
      const { store, first, from } = await furnished(open());
      const hour = 3_600_000;
      const old = from(first.id, { type: 'later', receivedAt: Date.now() - hour, delays: 600 });
      const fresh = from(first.id, { type: 'later', mobile: '+447840258824', delays: 600 });
      await store.submit(old);
      await store.submit(fresh);
      await store.addType('later', null);
      await store.grantType('first', 'later');
      const before = Date.now();
      await store.rerun(old.id);
      await store.rerun(fresh.id);
      const [freshLead, oldLead] = await leadsIn(store);
      expect(oldLead?.dueAt).toBeGreaterThanOrEqual(before);
      expect(oldLead?.dueAt).toBeLessThanOrEqual(Date.now());
      expect(freshLead?.dueAt).toBe(fresh.receivedAt + 600_000);
    });

    test('leads and submissions are found by what the operator knows of them, the newest first', async () => {
      const { store, first, second, from } = await furnished(open());
      await store.submit(from(first.id));
      await store.submit(from(second.id));
      await store.submit(from(second.id, { mobile: '+447840258824' }));
      await store.submit(from(first.id, { mobile: '+447840258824', type: 'other' }));
      const mobiles = async (filter: object) =>
        (await Array.fromAsync(store.leads(filter, 10))).map(({ mobile }) => mobile.slice(-1));
      expect(await mobiles({})).toEqual(['4', '3']);
      expect(await mobiles({ partner: 'second' })).toEqual(['4']);
      expect(await mobiles({ mobile: '+447840258823', state: 'scheduled', type: 'motor' })).toEqual(['3']);
      expect(await mobiles({ state: 'cancelled' })).toEqual([]);
      const outcomes = async (mobile: string) =>
        (await Array.fromAsync(store.submissions({ mobile }, 10))).map(({ partner, outcome }) => [
          partner,
          outcome,
        ]);
      expect(await outcomes('+447840258823')).toEqual([
        ['second', 'already-scheduled'],
        ['first', 'accepted'],
      ]);
      expect(await outcomes('+447840258824')).toEqual([
        ['first', 'unknown-type'],
        ['second', 'accepted'],
      ]);
    });

    test('lists longer than a page are complete and in order, up to their limit', async () => {
      const { store, first, from } = await furnished(open());
      const receivedAt = Date.now();
      const mobiles = Array.from({ length: 1_201 }, (_, index) => `+44784${String(index).padStart(7, '0')}`);
      await Promise.all(mobiles.map((mobile) => store.submit(from(first.id, { mobile, receivedAt }))));
      const lists: Record<string, (limit: number) => AsyncIterable<{ mobile: string }>> = {
        leads: (limit) => store.leads({ type: 'motor' }, limit),
        submissions: (limit) => store.submissions({ outcome: 'accepted' }, limit),
        dueLeads: (limit) => store.dueLeads(limit),
      };
      for (const [name, list] of Object.entries(lists)) {
        const order = name === 'dueLeads' ? mobiles : mobiles.toReversed();
        for (const limit of [0, 1, 500, 501, 1_000, 1_201, Number.MAX_SAFE_INTEGER]) {
          const listed = (await Array.fromAsync(list(limit))).map(({ mobile }) => mobile);
          expect(listed, `${name} up to ${limit}`).toEqual(order.slice(0, limit));
        }
      }
    });

    test('keys are found by their digest until they are revoked', async () => {
      const { store, first } = await furnished(open());
      await store.addKey('first', 'key-1', 'digest-1');
      expect(await store.keyHolder('digest-1')).toEqual({
        keyId: 'key-1',
        digest: 'digest-1',
        partner: first,
        limit: 'default',
      });
      expect(await store.keyHolder('digest-2')).toBeUndefined();
      await store.revokeKey('key-1');
      await store.revokeKey('key-1');
      expect(await store.keyHolder('digest-1')).toBeUndefined();
      expect(await Array.fromAsync(store.keys('second'))).toEqual([]);
      expect(await Array.fromAsync(store.keys('first'))).toMatchObject([{ id: 'key-1', partner: 'first' }]);
    });

    test('a rotated key is good until its time, beside the one that takes its place', async () => {
      const { store, first } = await furnished(open());
      await store.addKey('first', 'old', 'old digest');
      const oldUntil = Date.now() + hour;
      expect(await store.rotateKey('old', { id: 'new', digest: 'new digest', oldUntil })).toBe('first');
      expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new', partner: first });
      await setClock(oldUntil - 1);
      expect(await store.keyHolder('old digest')).toMatchObject({ keyId: 'old' });
      await setClock(oldUntil);
      expect(await store.keyHolder('old digest')).toBeUndefined();
      expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new' });
      expect(await Array.fromAsync(store.keys('first'))).toMatchObject([
        { id: 'new', expiresAt: null },
        { id: 'old', expiresAt: oldUntil },
      ]);
      expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', keys: 1 });
      const next = { id: 'newer', digest: 'newer digest', oldUntil: Date.now() };
      await expect(store.rotateKey('old', next)).rejects.toThrow(UserError);
      await expect(store.rotateKey('nothing', next)).rejects.toThrow(UserError);
      expect(await store.keyHolder('newer digest')).toBeUndefined();
    });

    test('when a key was last used is recorded, and never set back', async () => {
      const { store } = await furnished(open());
      await store.addKey('first', 'key-1', 'digest-1');
      await store.addKey('first', 'key-2', 'digest-2');
      await store.recordKeyLastUsed(new Map([['key-1', 2_000]]));
      await store.recordKeyLastUsed(
        new Map([
          ['key-1', 1_000],
          ['gone', 3_000],
        ]),
      );
      const keys = await Array.fromAsync(store.keys('first'));
      expect(keys.map(({ lastUsedAt }) => lastUsedAt)).toEqual([2_000, null]);
    });

    test('a partner’s limit comes with its keys, as soon as it is set', async () => {
      const { store } = await furnished(open());
      await store.addKey('first', 'key-1', 'digest-1');
      for (const limit of [{ perSecond: 5, burst: 50 }, 'off', 'default'] as const) {
        await store.limitPartner('first', limit);
        expect(await store.keyHolder('digest-1')).toMatchObject({ limit });
        expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', limit });
      }
      await expect(store.limitPartner('nobody', 'off')).rejects.toThrow(UserError);
    });

    test('leads are counted by their state, whatever became of them', async () => {
      const { store, first, from } = await furnished(open());
      const counted = async () => (await store.workload()).byState;
      const none = { scheduled: 0, dialled: 0, cancelled: 0, failed: 0, expired: 0 };
      expect(await counted()).toEqual(none);
      const mobile = (index: number) => `+44784025880${index}`;
      await Promise.all(
        [0, 1, 2, 3, 4].map((index) =>
          store.submit(from(first.id, { mobile: mobile(index), delays: 600 * index })),
        ),
      );
      await store.submit(from(first.id, { mobile: mobile(0) }));
      expect(await store.workload()).toMatchObject({ byState: { ...none, scheduled: 5 }, due: 1 });
      await cancel(store, { partnerId: first.id, type: 'motor', mobile: mobile(4) });
      await dialDue(store);
      expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1 });
      await store.submit(from(first.id, { mobile: mobile(5) }));
      await dialDue(store, 'rejected');
      expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1, failed: 1 });
      const { nextAttemptAt } = await store.workload();
      expect(nextAttemptAt).toBeGreaterThan(Date.now() - 60_000);
      const [failed] = await Array.fromAsync(store.leads({ state: 'failed' }, 1));
      await store.retry(failed?.id ?? '');
      await store.claimDue({ claim: 'late', limit: 1, lease: 1_000, notDueBefore: Date.now() + 60_000 });
      expect(await counted()).toEqual({ ...none, scheduled: 3, dialled: 1, cancelled: 1, expired: 1 });
      const leads = await leadsIn(store);
      for (const [state, count] of Object.entries(await counted())) {
        expect(leads.filter((lead) => lead.state === state)).toHaveLength(count);
      }
    });

    test('what was sent and handed over since the last look is told, each thing once', async () => {
      const { store, first, second, from } = await furnished(open());
      const { cursor } = await store.activity(undefined);
      await store.submit(from(first.id));
      await store.submit(from(second.id));
      await store.submit(from(second.id, { mobile: '+447840258824' }));
      await dialDue(store, 'unknown');
      await pass(1_000);
      const activity = await store.activity(cursor);
      expect(activity.submissions.toSorted((one, other) => one.outcome.localeCompare(other.outcome))).toEqual(
        expect.arrayContaining([
          { partner: 'first', outcome: 'accepted', count: 1 },
          { partner: 'second', outcome: 'accepted', count: 1 },
          { partner: 'second', outcome: 'already-scheduled', count: 1 },
        ]),
      );
      expect(activity.attempts).toEqual([{ outcome: 'unknown', count: 2 }]);
      expect(activity.failures).toMatchObject([
        { outcome: 'unknown', response: 'unknown once' },
        { outcome: 'unknown', response: 'unknown once' },
      ]);
      const next = await store.activity(activity.cursor);
      expect(next).toMatchObject({ submissions: [], attempts: [], failures: [] });
      expect((await store.activity(undefined)).failures).toHaveLength(2);
    });

    test('a wrong name is a mistake that changes nothing', async () => {
      const { store } = await furnished(open());
      await expect(store.addType('motor', null)).rejects.toThrow('There is a lead type "motor" already.');
      await expect(store.addPartner('first', [])).rejects.toThrow('There is a partner "first" already.');
      await expect(store.addPartner('third', ['motor', 'nothing'])).rejects.toThrow(UserError);
      await expect(store.grantType('third', 'motor')).rejects.toThrow('There is no partner "third".');
      await expect(store.addKey('third', 'id', 'digest')).rejects.toThrow(UserError);
      await expect(store.revokeKey('nothing')).rejects.toThrow(UserError);
      await expect(Array.fromAsync(store.keys('third'))).rejects.toThrow(UserError);
      expect((await Array.fromAsync(store.partners())).map(({ name }) => name)).toEqual(['first', 'second']);
    });

    test('a store is empty until it has a partner or a type', async () => {
      const store = await open();
      expect(await store.isEmpty()).toBe(true);
      await store.addType('motor', null);
      expect(await store.isEmpty()).toBe(false);
    });

    test('closing finishes the writes that wait', async () => {
      const { store, first, from } = await furnished(open());
      const writes = Array.from({ length: 700 }, (_, index) =>
        store.submit(from(first.id, { mobile: `+44784${String(index).padStart(7, '0')}` })),
      );
      await store.close();
      expect(new Set((await Promise.all(writes)).map(({ outcome }) => outcome))).toEqual(
        new Set(['accepted']),
      );
    });
  });
}
