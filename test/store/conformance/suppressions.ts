/** Numbers in the do-not-call list are not added, and no attempt to deliver a lead of them is started. */
import { expect } from 'vitest';
import type { Store } from '../../../src/store/store.ts';
import type { Suppression } from '../../../src/store/suppressions.ts';
import { claim, leadsIn, record, submissionsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, forEach, hour, person, tableNamed } from './behaviour.ts';

const other = '+447840258824';
/** No lead ended. */
const nothing = { leads: [], withdrawals: [] };

const noCap = { max: 1_000, since: 0 };

/** An entry of the imported list `list`. */
function importedEntry(mobile: string): Suppression {
  return operatorEntry(mobile, { source: 'import', sourceId: 'list' });
}

async function objection(store: Store, changes: { type?: string; mobile?: string } = {}, cap = noCap) {
  const sent = { mobile: person.mobile, type: undefined, reason: undefined, receivedAt: 1, ...changes };
  return store.recordObjection({ partner: 'first', keyId: 'key', ...sent }, cap);
}

async function stateOf(store: Store): Promise<string | undefined> {
  return (await leadsIn(store))[0]?.state;
}

/** Fills a store with a lead whose attempt failed, or may have arrived. */
async function attempted(open: () => Promise<Store>, outcome: 'unavailable' | 'unknown' | 'rejected') {
  const all = await seeded(open());
  await all.store.submit(all.from(all.first.id));
  const [lead] = await claim(all.store, 'test');
  const nextAttemptAt = outcome === 'rejected' ? undefined : Date.now();
  await record(all.store, 'test', lead?.id ?? '', outcome, nextAttemptAt);
  return { ...all, id: lead?.id ?? '' };
}

async function* each<Value>(values: AsyncIterable<Value>): AsyncGenerator<Value> {
  yield* values;
}

export const suppressions: Behaviours = {
  'refuses a number in the list before it looks for scheduled or dialled leads': async (open) => {
    const { store, first, second, from } = await seeded(open(), 1);
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    await record(store, 'test', lead?.id ?? '', 'delivered');
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await store.submit(from(second.id))).toEqual({ outcome: 'do-not-call', isReplay: false });
    expect(await store.submit(from(second.id, { type: 'home' }))).toMatchObject({ outcome: 'unknown-type' });
    expect(await leadsIn(store)).toMatchObject([{ id: lead?.id, state: 'dialled' }]);
  },

  'replays the refusal of a number that is no longer in the list': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addSuppressions([operatorEntry(person.mobile)]);
    const idempotency = { key: 'key', fingerprint: 'same' };
    await store.submit(from(first.id), idempotency);
    await store.removeSuppressions({ mobile: person.mobile }, false);
    const again = await store.submit(from(first.id), idempotency);
    expect(again).toEqual({ outcome: 'do-not-call', isReplay: true });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },

  'refuses only the lead type of an entry, by any of its names': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.renameType('home', 'house');
    await store.addSuppressions([operatorEntry(person.mobile, { type: 'home' })]);
    expect(await store.submit(from(first.id, { type: 'house' }))).toMatchObject({ outcome: 'do-not-call' });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await store.suppressionsOf(person.mobile)).toMatchObject([{ type: 'house' }]);
  },

  'enters none of the numbers if a lead type does not exist': async (open) => {
    const { store } = await seeded(open());
    const entries = [operatorEntry(person.mobile), operatorEntry(other, { type: 'none' })];
    await expect(store.addSuppressions(entries)).rejects.toThrow('Lead type "none" does not exist.');
    expect(await store.suppressionsOf(person.mobile)).toEqual([]);
  },

  'keeps the first entry of each origin': async (open) => {
    const { store } = await seeded(open());
    const entry = operatorEntry(person.mobile);
    expect(await store.addSuppressions([entry, entry])).toEqual({ added: 1, ...nothing });
    const later = { ...entry, reason: 'again', objectedAt: 2 };
    expect(await store.addSuppressions([later, importedEntry(person.mobile)])).toMatchObject({ added: 1 });
    expect(await store.suppressionsOf(person.mobile)).toEqual([
      { ...importedEntry(person.mobile), enteredAt: expect.any(Number) },
      { ...entry, enteredAt: expect.any(Number) },
    ]);
  },

  'suppresses the scheduled lead of a number that is entered, and can accept the person once it is removed':
    async (open) => {
      const { store, first, from } = await seeded(open());
      await store.submit(from(first.id));
      const [lead] = await leadsIn(store);
      const id = lead?.id ?? '';
      expect(await store.addSuppressions([operatorEntry(person.mobile)])).toEqual({
        added: 1,
        leads: [id],
        withdrawals: [],
      });
      expect(await leadsIn(store)).toMatchObject([
        { id, state: 'suppressed', cancelledAt: expect.any(Number) },
      ]);
      expect((await store.leadStats()).byState).toMatchObject({ scheduled: 0, suppressed: 1 });
      expect(await claim(store, 'test')).toEqual([]);
      expect(await store.removeSuppressions({ mobile: person.mobile }, false)).toEqual({
        removed: 1,
        leads: [],
      });
      expect(await stateOf(store)).toBe('suppressed');
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    },

  'suppresses no lead of another number or another type': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.submit(from(first.id));
    const entries = [operatorEntry(other), operatorEntry(person.mobile, { type: 'home' })];
    expect(await store.addSuppressions(entries)).toEqual({ added: 2, ...nothing });
    expect(await stateOf(store)).toBe('scheduled');
  },

  ...forEach(['dialled', 'claimed', 'may have arrived'], 'withdraws a lead', async (open, situation) => {
    const { store, id } = await attempted(open, situation === 'may have arrived' ? 'unknown' : 'unavailable');
    if (situation !== 'may have arrived') await claim(store, 'again');
    if (situation === 'dialled') await record(store, 'again', id, 'delivered');
    const begun = { leads: [], withdrawals: [id] };
    expect(await store.addSuppressions([operatorEntry(person.mobile)])).toEqual({ added: 1, ...begun });
    expect(await stateOf(store)).toBe(situation === 'dialled' ? 'dialled' : 'withdrawing');
    expect(await store.withdrawalOf(id)).toMatchObject({ cause: 'objection', outcome: null });
    expect(await claim(store, 'third')).toEqual([]);
    const attempt = { leadId: id, endedAt: Date.now(), outcome: 'withdrawn', response: 'removed' } as const;
    if (situation === 'claimed') await record(store, 'again', id, 'unavailable', Date.now());
    await store.claimWithdrawals({ claim: 'withdrawal', limit: 1, lease: hour });
    if (situation !== 'claimed') await store.recordWithdrawal('withdrawal', attempt, undefined);
    expect(await stateOf(store)).toBe('suppressed');
  }),

  ...forEach(
    ['dialled', 'claimed', 'may have arrived'],
    'withdraws a lead that was sent with the number as other_phone',
    async (open, situation) => {
      const { store, first, from } = await seeded(open());
      await store.addType('home', null);
      await store.submit(from(first.id));
      const [lead] = await claim(store, 'test');
      const id = lead?.id ?? '';
      expect(await store.recordOtherPhones([{ leadId: id, mobile: other }])).toEqual([]);
      if (situation === 'dialled') await record(store, 'test', id, 'delivered');
      if (situation === 'may have arrived') await record(store, 'test', id, 'unknown', Date.now());
      expect(await store.addSuppressions([operatorEntry(other, { type: 'home' })])).toMatchObject(nothing);
      const begun = { leads: [], withdrawals: [id] };
      expect(await objection(store, { mobile: other })).toMatchObject(begun);
      expect(await store.withdrawalOf(id)).toMatchObject({ cause: 'objection', outcome: null });
      expect((await store.withdrawalStats()).open).toBe(1);
    },
  ),

  'does not withdraw a lead that was last sent without the number, or not at all': async (open) => {
    const { store, first, from } = await seeded(open());
    const mobiles = [person.mobile, '+447840258825', '+447840258826'];
    for (const mobile of mobiles) await store.submit(from(first.id, { mobile }));
    const [sent, waiting, unknown] = await claim(store, 'test', { limit: 3 });
    const ids = [sent, waiting, unknown].map((lead) => lead?.id ?? '');
    const [sentId = '', waitingId = '', unknownId = ''] = ids;
    await store.recordOtherPhones(ids.map((leadId) => ({ leadId, mobile: other })));
    await record(store, 'test', waitingId, 'unavailable', Date.now() + hour);
    await record(store, 'test', unknownId, 'unknown', Date.now() + hour);
    const without = [sentId, unknownId].map((leadId) => ({ leadId, mobile: undefined }));
    expect(await store.recordOtherPhones(without)).toEqual([]);
    await record(store, 'test', sentId, 'delivered');
    expect(await objection(store, { mobile: other })).toMatchObject({ leads: [], withdrawals: [unknownId] });
  },

  'returns the other numbers that were entered before they are recorded': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const leadId = lead?.id ?? '';
    await store.recordOtherPhones([{ leadId, mobile: other }]);
    await store.addSuppressions([operatorEntry('+447840258825')]);
    const sent = [{ leadId, mobile: '+447840258825' }];
    expect(await store.recordOtherPhones(sent)).toEqual(sent);
    await record(store, 'test', leadId, 'delivered');
    expect(await objection(store, { mobile: other })).toMatchObject(nothing);
  },

  'keeps the number with which a lead may have arrived if it is sent again without another one': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const leadId = lead?.id ?? '';
    await store.recordOtherPhones([{ leadId, mobile: other }]);
    await record(store, 'test', leadId, 'unknown', Date.now());
    await store.addSuppressions([operatorEntry('+447840258825')]);
    await store.recordOtherPhones([{ leadId, mobile: '+447840258825' }]);
    expect(await objection(store, { mobile: other })).toMatchObject({ withdrawals: [leadId] });
  },

  'tells the listeners of withdrawals that one has begun': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await claim(store, 'test');
    const begun = Promise.withResolvers<void>();
    store.onWithdrawal(() => begun.resolve());
    await objection(store);
    await begun.promise;
  },

  'suppresses a lead that was added at the same moment as its number': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addSuppressions([operatorEntry(person.mobile)]);
    await store.removeSuppressions({ mobile: person.mobile }, false);
    await store.submit(from(first.id));
    expect(await store.suppressLeads([person.mobile])).toEqual(nothing);
    const [lead] = await leadsIn(store);
    await store.addSuppressions([operatorEntry(other)]);
    expect(await store.suppressLeads([other, person.mobile])).toEqual(nothing);
    expect(await leadsIn(store)).toEqual([lead]);
  },

  'finds the numbers that claimed leads may not be called on, by type': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const leadId = lead?.id ?? '';
    await store.addSuppressions([
      operatorEntry(other, { type: 'home' }),
      operatorEntry(person.mobile),
      importedEntry(person.mobile),
    ]);
    const numbers = [person.mobile, other, '+447840258825'];
    expect(await store.suppressedNumbers([leadId], numbers)).toEqual([{ leadId, mobile: person.mobile }]);
    await store.addSuppressions([operatorEntry(other, { type: 'motor' })]);
    expect((await store.suppressedNumbers([leadId], numbers)).length).toBe(2);
    expect(await store.suppressedNumbers([], numbers)).toEqual([]);
  },

  'ends claimed leads that were not sent, and withdraws what the dialler may have': async (open) => {
    for (const outcome of ['unavailable', 'unknown'] as const) {
      const { store, id } = await attempted(open, outcome);
      await claim(store, 'again');
      expect(await store.suppressClaimed('not the claim', [id])).toEqual(nothing);
      const mayHaveArrived = outcome === 'unknown';
      const expected = mayHaveArrived ? { leads: [], withdrawals: [id] } : { leads: [id], withdrawals: [] };
      expect(await store.suppressClaimed('again', [id])).toEqual(expected);
      const state = mayHaveArrived ? 'withdrawing' : 'suppressed';
      expect(await leadsIn(store)).toMatchObject([{ id, state, attempts: 1, inFlightSince: null }]);
      expect(await store.renewLease('again', [id], hour)).toEqual([]);
      expect(await claim(store, 'third')).toEqual([]);
    }
  },

  'suppresses a claimed lead that was not sent once its person has objected': async (open) => {
    const { store, id } = await attempted(open, 'unavailable');
    await claim(store, 'again');
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await store.suppressClaimed('again', [id])).toEqual({ leads: [], withdrawals: [id] });
    await store.claimWithdrawals({ claim: 'withdrawal', limit: 1, lease: hour });
    expect(await stateOf(store)).toBe('suppressed');
    expect(await store.withdrawalOf(id)).toMatchObject({ outcome: 'withdrawn' });
  },

  'does not renew the lease of a lead whose number is in the list': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: other }));
    const ids = (await claim(store, 'test', { limit: 2 })).map(({ id }) => id);
    const [left] = (await leadsIn(store)).filter(({ mobile }) => mobile === other);
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await store.renewLease('test', ids, hour)).toEqual([left?.id]);
  },

  'lists the leads in flight': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: other, delays: 60 }));
    expect(await store.leadsInFlight()).toEqual([]);
    const [lead] = await claim(store, 'test');
    const { id, mobile, content } = lead ?? expect.fail('no lead');
    expect(await store.leadsInFlight()).toEqual([{ id, claim: 'test', mobile, content }]);
    await objection(store);
    expect((await store.leadStats()).byState).toMatchObject({ withdrawing: 1 });
    expect(await store.leadsInFlight()).toEqual([{ id, claim: 'test', mobile, content }]);
    await record(store, 'test', id, 'unavailable', Date.now());
    expect(await store.leadsInFlight()).toEqual([]);
  },

  'refuses a re-run, a retry and a release of a lead whose number is in the list': async (open) => {
    const { store, id } = await attempted(open, 'rejected');
    await store.addSuppressions([operatorEntry(person.mobile)]);
    await expect(store.retryLead(id, { isForced: true })).rejects.toThrow('is in the do-not-call list');
    const [submission] = await submissionsIn(store);
    expect(await store.rerunSubmission(submission?.id ?? '', true)).toMatchObject({
      outcome: 'do-not-call',
      leadId: null,
    });
    await store.removeSuppressions({ mobile: person.mobile }, false);
    await store.retryLead(id);
    await store.holdScheduled(Date.now() + 1);
    // A restored backup may contain both.
    await store.addRows(tableNamed('suppression'), [[person.mobile, 0, 'operator', '', null, 1, 1, null]]);
    expect(await stateOf(store)).toBe('held');
    await expect(store.releaseLead(id, true)).rejects.toThrow('is in the do-not-call list');
  },

  'retries a suppressed lead once its number is no longer in the list': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.addSuppressions([operatorEntry(person.mobile)]);
    const [lead] = await leadsIn(store);
    const id = lead?.id ?? '';
    await expect(store.retryLead(id)).rejects.toThrow('is in the do-not-call list');
    await store.removeSuppressions({ mobile: person.mobile }, false);
    await store.retryLead(id);
    expect(await leadsIn(store)).toMatchObject([{ id, state: 'scheduled', cancelledAt: null }]);
  },

  'records an objection of a partner once, however often it is repeated': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await leadsIn(store);
    const recorded = { outcome: 'recorded', isTypeUnknown: false };
    expect(await objection(store)).toEqual({ ...recorded, leads: [lead?.id], withdrawals: [] });
    expect(await objection(store)).toEqual({ ...recorded, ...nothing });
    expect(await store.suppressionsOf(person.mobile)).toMatchObject([
      { source: 'partner', sourceId: 'first', type: undefined, reason: undefined, objectedAt: 1 },
    ]);
  },

  'records an objection for the type, or for all types if the partner never had it': async (open) => {
    const { store } = await seeded(open());
    await store.addType('home', null);
    await store.revokeType('first', 'motor');
    expect(await objection(store, { type: 'motor' })).toMatchObject({ isTypeUnknown: false });
    expect(await objection(store, { type: 'home' })).toMatchObject({ isTypeUnknown: true });
    expect(await objection(store, { type: 'motr', mobile: other })).toMatchObject({ isTypeUnknown: true });
    const types = (await Array.fromAsync(store.suppressions({}, 10))).map(({ mobile, type }) => [
      mobile,
      type,
    ]);
    expect(types).toEqual([
      [person.mobile, undefined],
      [person.mobile, 'motor'],
      [other, undefined],
    ]);
  },

  'refuses further objections of a partner beyond its cap, but not repeats': async (open) => {
    const { store, first, from } = await seeded(open());
    const since = Date.now();
    expect(await objection(store, {}, { max: 1, since })).toMatchObject({ outcome: 'recorded' });
    expect(await objection(store, { mobile: other }, { max: 1, since })).toEqual({ outcome: 'over-cap' });
    expect(await objection(store, {}, { max: 1, since })).toMatchObject({ outcome: 'recorded' });
    expect(await store.submit(from(first.id, { mobile: other }))).toMatchObject({ outcome: 'accepted' });
    const tomorrow = { max: 1, since: Date.now() + 1 };
    expect(await objection(store, { mobile: other }, tomorrow)).toMatchObject({ outcome: 'recorded' });
  },

  'stores a reason that PostgreSQL cannot hold': async (open) => {
    const { store } = await seeded(open());
    await store.addSuppressions([operatorEntry(person.mobile, { reason: 'a\0b\ud800' })]);
    expect(await store.suppressionsOf(person.mobile)).toMatchObject([{ reason: 'a\ufffdb\ufffd' }]);
  },

  'lists, counts and removes the entries of an origin': async (open) => {
    const { store } = await seeded(open());
    const numbers = Array.from({ length: 1_100 }, (_, index) => `+4478${index + 40_000_000}`);
    await store.addSuppressions([...numbers, person.mobile].map(importedEntry));
    await store.addSuppressions([operatorEntry(person.mobile), operatorEntry(other)]);
    await objection(store);
    expect(await store.countSuppressions()).toEqual([
      { source: 'import', sourceId: 'list', count: 1_101 },
      { source: 'operator', sourceId: '', count: 2 },
      { source: 'partner', sourceId: 'first', count: 1 },
    ]);
    const listed = await Array.fromAsync(
      each(store.suppressions({ source: 'import', sourceId: 'list' }, 5_000)),
    );
    expect(listed.map(({ mobile }) => mobile)).toEqual([...numbers, person.mobile].toSorted());
    expect((await Array.fromAsync(store.suppressions({}, 3))).length).toBe(3);
    const ofPartner = await Array.fromAsync(
      store.suppressions({ mobile: person.mobile, source: 'partner' }, 10),
    );
    expect(ofPartner).toMatchObject([{ sourceId: 'first' }]);
    let [removed, after]: [number, string | undefined] = [0, ''];
    while (after !== undefined) {
      const step = await store.removeSuppressionsOf({ source: 'import', sourceId: 'list' }, after, false);
      removed += step.removed;
      after = step.next;
    }
    expect(removed).toBe(1_101);
    expect(await store.countSuppressions()).toMatchObject([{ count: 2 }, { count: 1 }]);
  },

  'schedules the leads again that an entry suppressed, unless something else prevents their call': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    const numbers = [0, 1, 2, 3].map((digit) => `+44784025882${digit}`);
    for (const mobile of numbers) await store.submit(from(first.id, { mobile, delays: 60 }));
    const ids = (await leadsIn(store)).map(({ id }) => id).toReversed();
    const before = await leadsIn(store);
    const [undone = '', stillListed = '', cancelled = '', addedAgain = ''] = numbers;
    await store.cancelLead(ids[2] ?? '');
    for (const mobile of numbers) await objection(store, { mobile });
    await store.addSuppressions([operatorEntry(stillListed)]);
    await store.removeSuppressions({ mobile: addedAgain }, false);
    await store.submit(from(first.id, { mobile: addedAgain, delays: 60 }));
    await objection(store, { mobile: addedAgain });
    const origin = { source: 'partner', sourceId: 'first' } as const;
    const result = await store.removeSuppressionsOf(origin, '', true);
    const again = (await leadsIn(store)).find(
      ({ mobile, state }) => mobile === addedAgain && state === 'scheduled',
    );
    expect(result).toEqual({
      removed: 4,
      leads: expect.arrayContaining([ids[0], again?.id]),
      next: undefined,
    });
    expect(result.leads).toHaveLength(2);
    const restored = (await leadsIn(store)).find(({ mobile }) => mobile === undone);
    expect(restored).toEqual(before.find(({ id }) => id === ids[0]));
    expect(await store.submit(from(first.id, { mobile: undone }))).toMatchObject({
      outcome: 'already-scheduled',
    });
    const states = (await leadsIn(store)).map(({ mobile, state }) => `${mobile} ${state}`);
    expect(states).toEqual(
      expect.arrayContaining([
        `${stillListed} suppressed`,
        `${cancelled} cancelled`,
        `${addedAgain} suppressed`,
      ]),
    );
  },
};
