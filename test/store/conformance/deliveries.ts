/** How leads are claimed and attempts recorded. */

import { expect, vi } from 'vitest';
import type { AttemptOutcome } from '../../../src/leads/attempt.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { cancel, claim, deliverDue, endDueAsTooLate, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, forEach, hour, person, tableNamed, waitLongerThan } from './behaviour.ts';

export const deliveries: Behaviours = {
  'claims each due lead once, most overdue first': async (open) => {
    const { store, first, from } = await seeded(open());
    const now = Date.now();
    for (const [index, delays] of [0, 3600, 0, 0].entries()) {
      await store.submit(from(first.id, { mobile: `+44784025882${index}`, receivedAt: now, delays }));
      await waitLongerThan(1);
    }
    const claims = await Promise.all([claim(store, 'one', { limit: 2 }), claim(store, 'two', { limit: 2 })]);
    // Either claim may come first.
    const mobiles = claims.map((leads) => leads.map(({ mobile }) => mobile));
    for (const each of mobiles) expect(each).toEqual(each.toSorted());
    expect(mobiles.flat().toSorted()).toEqual(['+447840258820', '+447840258822', '+447840258823']);
    expect(await Array.fromAsync(store.dueLeads(10))).toEqual([]);
  },

  'leaves the leads of some types out of a claim': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id));
    await store.submit(from(first.id, { type: 'home' }));
    const terms = { limit: 10, lease: 60_000 };
    const other = await store.claimDue({ ...terms, claim: 'one', exceptTypes: ['motor', 'unknown'] });
    expect(other).toMatchObject([{ type: 'home' }]);
    const none = await store.claimDue({ ...terms, claim: 'two', exceptTypes: ['motor'] });
    expect(none).toEqual([]);
    const all = await store.claimDue({ ...terms, claim: 'three', exceptTypes: [] });
    expect(all).toMatchObject([{ type: 'motor' }]);
  },

  'claims a lead again once its lease has ended, and records a late attempt of the earlier claim': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'slow', { lease: 1 });
    expect(lead).toMatchObject({ attemptNumber: 1, mayHaveArrived: false });
    await waitLongerThan(1);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    const [again] = await claim(store, 'next');
    expect(again).toMatchObject({ id: lead?.id, attemptNumber: 2, mayHaveArrived: true });
    expect(await claim(store, 'early')).toEqual([]);
    await record(store, 'slow', lead?.id ?? '', 'rejected');
    expect((await leadsIn(store))[0]?.state).toBe('scheduled');
    await record(store, 'slow', lead?.id ?? '', 'delivered');
    expect((await leadsIn(store))[0]?.state).toBe('dialled');
    await record(store, 'next', lead?.id ?? '', 'rejected');
    expect((await leadsIn(store))[0]?.state).toBe('dialled');
  },

  'releases claimed leads, whose attempts do not count, and leaves those of other claims': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const [one] = await claim(store, 'one', { limit: 1 });
    const [two] = await claim(store, 'two');
    const ids = [one?.id ?? '', two?.id ?? ''];
    const later = Date.now() + hour;
    await store.releaseLeads('one', ids, later);
    expect(await store.nextAttemptAt()).toBeLessThanOrEqual(later);
    expect(await cancel(store, { partnerId: first.id, ...person, mobile: '+447840258824' })).toMatchObject({
      outcome: 'already-processed',
    });
    await record(store, 'two', two?.id ?? '', 'delivered');
    expect(await store.nextAttemptAt()).toBe(later);
    expect(await claim(store, 'early')).toEqual([]);
    expect(await leadsIn(store)).toMatchObject([{ id: two?.id }, { id: one?.id, attempts: 0 }]);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
    await store.releaseLeads('one', ids, Date.now());
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['dialled', 'cancelled']);
  },

  'counts the attempt after a release as the same one': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'one');
    await store.releaseLeads('one', [lead?.id ?? ''], Date.now());
    expect(await claim(store, 'two')).toMatchObject([{ attemptNumber: 1, mayHaveArrived: false }]);
  },

  'reports when the last attempt with an unknown outcome ended, except for interrupted ones': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'one', { lease: 1 });
    expect(lead).toMatchObject({ mayHaveArrived: false, lastUnknownAt: null });
    await waitLongerThan(1);
    const [interrupted] = await claim(store, 'two');
    expect(interrupted).toMatchObject({ mayHaveArrived: true, lastUnknownAt: null });
    const attempt = { leadId: lead?.id ?? '', startedAt: 1, endedAt: 2, response: 'no response' };
    await store.recordAttempt('two', { ...attempt, outcome: 'unknown' }, Date.now());
    const [again] = await claim(store, 'three');
    expect(again).toMatchObject({ mayHaveArrived: true, lastUnknownAt: 2 });
    await store.recordAttempt('three', { ...attempt, endedAt: 5, outcome: 'unavailable' }, Date.now());
    expect(await claim(store, 'four')).toMatchObject([{ lastUnknownAt: 2 }]);
    await store.recordAttempt('four', { ...attempt, endedAt: 9, outcome: 'unknown' }, undefined);
    await store.retryLead(attempt.leadId);
    expect(await claim(store, 'five')).toMatchObject([{ attemptNumber: 1, lastUnknownAt: 9 }]);
  },

  'reports an attempt that ended as unknown under a lost claim, once the next claim is interrupted': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'one', { lease: 1 });
    const attempt = { leadId: lead?.id ?? '', startedAt: 1, endedAt: 2, response: 'no response' };
    await store.recordAttempt('lost', { ...attempt, outcome: 'unknown' }, Date.now());
    await waitLongerThan(1);
    expect(await claim(store, 'two')).toMatchObject([{ mayHaveArrived: true, lastUnknownAt: 2 }]);
  },

  'lists the deliveries of a person of all types since a time, and of nobody else': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    for (const type of ['motor', 'home']) {
      await store.submit(from(first.id, { type }));
      await store.submit(from(first.id, { type, mobile: mobileOf(1) }));
      await deliverDue(store);
      await waitLongerThan(1);
    }
    await store.submit(from(first.id, { mobile: mobileOf(2) }));
    await deliverDue(store, 'rejected');
    const all = await store.deliveriesSince([person.mobile, mobileOf(2)], 0);
    expect(all.map(({ mobile }) => mobile)).toEqual([person.mobile, person.mobile]);
    const [earlier, later] = all;
    expect(earlier?.deliveredAt).toBeLessThan(later?.deliveredAt ?? 0);
    expect(await store.deliveriesSince([person.mobile], later?.deliveredAt ?? 0)).toEqual([later]);
  },

  'finds the earlier leads of a person and type': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id, { type: 'home' }));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    for (let index = 0; index < 2; index += 1) {
      await store.submit(from(first.id));
      await cancel(store, { partnerId: first.id, ...person });
    }
    await store.submit(from(first.id));
    const [latest, ...earlier] = await Array.fromAsync(
      store.leads({ mobile: person.mobile, type: 'motor' }, 10),
    );
    expect(earlier).toHaveLength(2);
    const ids = earlier.map(({ id }) => id);
    expect((await store.earlierLeads(latest?.id ?? '')).toSorted()).toEqual(ids.toSorted());
    expect(await store.earlierLeads('unknown')).toEqual([]);
  },

  'records responses that contain U+0000 or half of a surrogate pair': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const leads = await claim(store, 'test');
    const recorded = ['before \0 after', `cut off \u{1f600}`.slice(0, -1)].map((response, index) => {
      const leadId = leads[index]?.id ?? '';
      return store.recordAttempt(
        'test',
        { leadId, startedAt: 1, endedAt: 2, outcome: 'rejected', response },
        undefined,
      );
    });
    await Promise.all(recorded);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['failed', 'failed']);
    expect((await leadsIn(store))[0]?.lastResponse).toMatch(/^cut off /);
  },

  ...forEach(
    ['stale attempt first', 'current attempt first'],
    'applies the current one of two attempts that are recorded concurrently',
    async (open, order) => {
      const names = order === 'stale attempt first' ? ['slow', 'next'] : ['next', 'slow'];
      const { store, first, from } = await seeded(open());
      const later = Date.now() + hour;
      const stateAfter = async (outcomes: Record<string, AttemptOutcome>, mobile: string) => {
        await store.submit(from(first.id, { mobile }));
        const [lead] = await claim(store, 'slow', { lease: 1 });
        await waitLongerThan(1);
        expect(await claim(store, 'next')).toMatchObject([{ id: lead?.id }]);
        const records = names.map((name) => {
          const outcome = outcomes[name] ?? 'unknown';
          return record(store, name, lead?.id ?? '', outcome, outcome === 'unavailable' ? later : undefined);
        });
        await Promise.all(records);
        return (await Array.fromAsync(store.leads({ mobile }, 1)))[0]?.state;
      };
      expect(await stateAfter({ slow: 'rejected', next: 'unavailable' }, '+447840258823')).toBe('scheduled');
      expect(await store.nextAttemptAt()).toBe(later);
      expect(await stateAfter({ slow: 'unavailable', next: 'rejected' }, '+447840258824')).toBe('failed');
    },
  ),

  'marks a lead as dialled if one of two concurrently recorded attempts delivered it, even a stale one':
    async (open) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      const [lead] = await claim(store, 'slow', { lease: 1 });
      await waitLongerThan(1);
      expect(await claim(store, 'next')).toMatchObject([{ id: lead?.id }]);
      const id = lead?.id ?? '';
      await Promise.all([record(store, 'slow', id, 'delivered'), record(store, 'next', id, 'rejected')]);
      expect((await leadsIn(store))[0]?.state).toBe('dialled');
    },

  'keeps every attempt, interrupted ones included': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await claim(store, 'killed', { lease: 1 });
    await waitLongerThan(1);
    const [lead] = await claim(store, 'next');
    await record(store, 'next', lead?.id ?? '', 'unavailable', Date.now());
    await deliverDue(store);
    const attempts = await Array.fromAsync(store.attempts(person.mobile));
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['unknown', 'unavailable', 'delivered']);
    expect((await leadsIn(store))[0]).toMatchObject({ attempts: 3, lastResponse: 'delivered once' });
  },

  'shows the attempt in flight of a claimed lead, and records from when it may have run if it is interrupted':
    async (open) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      const none = { inFlightSince: null, leaseEndsAt: null };
      expect(await leadsIn(store)).toMatchObject([none]);
      const [lead] = await claim(store, 'killed', { lease: 3 });
      const [inFlight] = await leadsIn(store);
      const since = inFlight?.inFlightSince ?? 0;
      expect(inFlight?.leaseEndsAt).toBe(since + 3);
      expect(since).toBeGreaterThanOrEqual(inFlight?.dueAt ?? Number.NaN);
      await waitLongerThan(3);
      await claim(store, 'next', { lease: hour });
      expect(await Array.fromAsync(store.attempts(person.mobile))).toMatchObject([
        { startedAt: since, outcome: 'unknown' },
      ]);
      const [again] = await leadsIn(store);
      expect(again?.leaseEndsAt).toBe((again?.inFlightSince ?? 0) + hour);
      await store.renewLease('next', [lead?.id ?? ''], 2 * hour);
      const [renewed] = await leadsIn(store);
      expect(renewed?.inFlightSince).toBe(again?.inFlightSince);
      expect(renewed?.leaseEndsAt).toBeGreaterThan(again?.leaseEndsAt ?? Number.NaN);
      await record(store, 'next', lead?.id ?? '', 'unavailable', Date.now());
      expect(await leadsIn(store)).toMatchObject([none]);
    },

  'keeps an attempt once if it is recorded again because the first response was lost': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const later = Date.now() + hour;
    const attempt = {
      leadId: lead?.id ?? '',
      startedAt: 1,
      endedAt: 2,
      outcome: 'unavailable',
      response: 'once',
    } as const;
    await store.recordAttempt('test', attempt, later);
    await store.recordAttempt('test', attempt, later + hour);
    await store.recordAttempt('test', { ...attempt, endedAt: 3 }, later);
    const attempts = await Array.fromAsync(store.attempts(person.mobile));
    expect(attempts.map(({ endedAt }) => endedAt)).toEqual([2, 3]);
    expect(await store.nextAttemptAt()).toBe(later);
  },

  'ignores an attempt that is recorded after its lead was pruned': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const attempt = { leadId: lead?.id ?? '', startedAt: 1, endedAt: 2, response: '' };
    await store.recordAttempt('test', { ...attempt, outcome: 'unavailable' }, Date.now() + hour);
    await cancel(store, { partnerId: first.id, ...person });
    // Later than the times of all identifiers of this process, which other tests may have made with a later clock.
    expect(await store.prune(Date.now() + 100_000 * hour, '')).toMatchObject({ leads: 1, attempts: 1 });
    await store.recordAttempt('test', { ...attempt, endedAt: 3, outcome: 'unknown' }, undefined);
    expect(await store.rows(tableNamed('attempt'), undefined, 1)).toEqual([]);
  },

  'claims a lead that is retried later after those that are due': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const later = Date.now() + hour;
    await record(store, 'test', lead?.id ?? '', 'unavailable', later);
    expect(await claim(store, 'test')).toEqual([]);
    expect(await store.nextAttemptAt()).toBe(later);
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    expect(await claim(store, 'test')).toMatchObject([{ mobile: '+447840258824' }]);
  },

  'returns the earliest due time, retry or end of a lease as the time of the next attempt': async (open) => {
    const { store, first, from } = await seeded(open());
    expect(await store.nextAttemptAt()).toBeUndefined();
    const now = Date.now();
    await store.submit(from(first.id, { receivedAt: now, delays: 600 }));
    expect(await store.nextAttemptAt()).toBe(now + 600_000);
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    expect(await store.nextAttemptAt()).toBeLessThanOrEqual(Date.now());
    await claim(store, 'test', { lease: 60_000 });
    expect(await store.nextAttemptAt()).toBeGreaterThan(now + 50_000);
    await deliverDue(store);
  },

  'renews the leases of the leads that a claim still holds': async (open) => {
    const { store, first, from } = await seeded(open());
    const mobiles = ['+447840258823', '+447840258824', '+447840258825'];
    for (const mobile of mobiles) await store.submit(from(first.id, { mobile }));
    const ids = (await claim(store, 'slow', { lease: 20 })).map(({ id }) => id);
    await waitLongerThan(20);
    // The lease has ended, and there was no other claim.
    expect((await store.renewLease('slow', ids, 20)).toSorted()).toEqual(ids.toSorted());
    await waitLongerThan(20);
    const [lost] = await claim(store, 'other', { limit: 1 });
    expect(lost?.mayHaveArrived).toBe(true);
    const others = ids.filter((id) => id !== lost?.id);
    expect((await store.renewLease('slow', ids, 60_000)).toSorted()).toEqual(others.toSorted());
    expect(await claim(store, 'third')).toEqual([]);
    await record(store, 'slow', others[0] ?? '', 'delivered');
    expect(await store.renewLease('slow', ids, 60_000)).toEqual(others.slice(1));
    expect(await store.renewLease('nobody', ids, 60_000)).toEqual([]);
    expect(await store.renewLease('slow', [], 60_000)).toEqual([]);
  },

  'claims the leads of all types in one order, page after page': async (open) => {
    const { store, first, from } = await seeded(open());
    for (const type of ['home', 'solar']) {
      await store.addType(type, null);
      await store.grantType('first', type);
    }
    const now = Date.now() - 1_000_000;
    vi.useFakeTimers({ toFake: ['Date'], now });
    const types = Array.from({ length: 700 }, (_, index) => ['motor', 'home', 'solar'][(index * index) % 3]);
    await Promise.all(
      types.map((type = '', index) => {
        const mobile = mobileOf(index);
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
  },

  'calls the subscriber after a change until it unsubscribes': async (open) => {
    const { store, first, from } = await seeded(open());
    let changes = 0;
    const stop = store.onChange(() => {
      changes += 1;
    });
    await store.submit(from(first.id));
    expect(changes).toBe(1);
    stop();
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    expect(changes).toBe(1);
  },

  'expires a lead that is too late to call, or fails it if the dialler may have it': async (open) => {
    const { store, first, from } = await seeded(open());
    const now = Date.now();
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await store.submit(from(first.id, { mobile: '+447840258825', receivedAt: now, delays: 600 }));
    const [lead] = await claim(store, 'test', { limit: 1 });
    await record(store, 'test', lead?.id ?? '', 'unknown', now);
    const ended = await endDueAsTooLate(store);
    const [scheduled, expired, failed] = await leadsIn(store);
    expect([scheduled, expired, failed]).toMatchObject([
      { state: 'scheduled' },
      { state: 'expired' },
      { state: 'failed' },
    ]);
    expect(ended).toEqual({ expired: [expired?.id], undecided: [failed?.id] });
    expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
      outcome: 'accepted',
    });
  },

  ...forEach(
    ['rejected', 'unavailable', 'unknown'] as const,
    'fails a lead without further attempts, and does not claim it again',
    async (open, outcome) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      await deliverDue(store, outcome);
      expect((await leadsIn(store))[0]).toMatchObject({ state: 'failed', attempts: 1 });
      expect(await claim(store, 'test')).toEqual([]);
    },
  ),
};
