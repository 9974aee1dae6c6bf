/** What the lead logic relies on, whichever store is behind it. */
import { describe, expect, test, vi } from 'vitest';
import { Mistake } from '../../src/partners/partner.ts';
import { dialDue, leadsIn, submissionsIn } from '../harness/server.ts';
import { furnished, stores } from './stores.ts';

const person = { type: 'motor', mobile: '+447840258823' };
const year = 365 * 86_400_000;

/** Until the clock has moved on by more than `milliseconds`. */
function pass(milliseconds: number): Promise<void> {
  const start = Date.now();
  return vi.waitFor(() => expect(Date.now()).toBeGreaterThan(start + milliseconds), { interval: 2 });
}

describe.each(stores)('$name', ({ open }) => {
  test('a person is taken once per type, whichever partner sends', async () => {
    const { store, first, second, from } = await furnished(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    expect(await store.submit(from(first.id))).toBe('accepted');
    expect(await store.submit(from(second.id))).toBe('already-scheduled');
    expect(await store.submit(from(first.id, { type: 'home' }))).toBe('accepted');
    expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toBe('accepted');
  });

  test('of two hundred equal submissions at once exactly one is accepted', async () => {
    const { store, first, second, from } = await furnished(open());
    const all = Array.from({ length: 200 }, (_, index) =>
      store.submit(from(index % 2 ? first.id : second.id)),
    );
    const outcomes = await Promise.all(all);
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'already-scheduled')).toHaveLength(199);
    expect(await submissionsIn(store)).toHaveLength(200);
  });

  test('a dialled person is an existing contact for ever where the type has no re-contact period', async () => {
    const { store, first, from } = await furnished(open());
    await store.submit(from(first.id));
    await dialDue(store);
    expect(await store.submit(from(first.id))).toBe('existing-contact');
  });

  test('a dialled person is an existing contact until the re-contact period has passed', async () => {
    const { store, first, from } = await furnished(open(), year);
    await store.submit(from(first.id));
    await dialDue(store);
    expect(await store.submit(from(first.id))).toBe('existing-contact');
  });

  test('after the re-contact period a person is taken again, once, and the old lead is kept', async () => {
    const { store, first, second, from } = await furnished(open(), 20);
    await store.submit(from(first.id));
    await dialDue(store);
    await pass(20);
    const outcomes = await Promise.all([first, second, first].map(({ id }) => store.submit(from(id))));
    expect(outcomes).toEqual(['accepted', 'already-scheduled', 'already-scheduled']);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
    expect(await store.cancel({ partnerId: first.id, ...person })).toBe('cancelled');
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'dialled']);
  });

  test('a cancelled lead is no obstacle, and its history is kept', async () => {
    const { store, first, second, from } = await furnished(open());
    for (let round = 0; round < 3; round += 1) {
      expect(await store.submit(from(first.id))).toBe('accepted');
      expect(await store.cancel({ partnerId: first.id, ...person })).toBe('cancelled');
    }
    expect(await store.submit(from(second.id))).toBe('accepted');
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual([
      'scheduled',
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  });

  test('what cannot be cancelled says why', async () => {
    const { store, first, second, from } = await furnished(open());
    expect(await store.cancel({ partnerId: first.id, ...person })).toBe('not-found');
    expect(await store.cancel({ partnerId: first.id, ...person, type: 'other' })).toBe('unknown-type');
    await store.submit(from(first.id));
    expect(await store.cancel({ partnerId: second.id, ...person })).toBe('not-found');
    await dialDue(store);
    expect(await store.cancel({ partnerId: first.id, ...person })).toBe('already-processed');
    expect(await store.cancel({ partnerId: second.id, ...person })).toBe('not-found');
  });

  test('adding and cancelling the same lead at once ends in one of the two orders', async () => {
    const { store, first, from } = await furnished(open());
    for (let round = 0; round < 20; round += 1) {
      const mobile = `+4478402588${round + 10}`;
      const [added, cancelled] = await Promise.all([
        store.submit(from(first.id, { mobile })),
        store.cancel({ partnerId: first.id, type: 'motor', mobile }),
      ]);
      expect(added).toBe('accepted');
      const [lead] = await Array.fromAsync(store.leads({ mobile }, 1));
      expect(lead?.state).toBe(cancelled === 'cancelled' ? 'cancelled' : 'scheduled');
    }
  });

  test('of a hand-over and a cancel that meet exactly one wins', async () => {
    const { store, first, from } = await furnished(open());
    for (let round = 0; round < 20; round += 1) {
      const mobile = `+4478402588${round + 10}`;
      await store.submit(from(first.id, { mobile }));
      const cancel = () => store.cancel({ partnerId: first.id, type: 'motor', mobile });
      const claim = () => store.claimDue(`claim-${round}`, 10, 60_000);
      const [cancelled, claimed] = await (round % 2
        ? Promise.all([cancel(), claim()])
        : Promise.all([claim(), cancel()]).then(([leads, outcome]) => [outcome, leads] as const));
      expect(claimed).toHaveLength(cancelled === 'cancelled' ? 0 : 1);
      expect(cancelled).toBe(claimed.length === 0 ? 'cancelled' : 'already-processed');
      await store.markDialled(
        `claim-${round}`,
        claimed.map(({ id }) => id),
      );
    }
  });

  test('leads are handed over once each, the longest due first, and none before its time', async () => {
    const { store, first, from } = await furnished(open());
    const now = Date.now();
    for (const [index, delays] of [0, 3600, 0, 0].entries()) {
      await store.submit(from(first.id, { mobile: `+44784025882${index}`, receivedAt: now, delays }));
      await pass(1);
    }
    const claims = await Promise.all([store.claimDue('one', 2, 60_000), store.claimDue('two', 2, 60_000)]);
    expect(claims.map((leads) => leads.map(({ mobile }) => mobile))).toEqual([
      ['+447840258820', '+447840258822'],
      ['+447840258823'],
    ]);
    expect(await Array.fromAsync(store.dueLeads(10))).toEqual([]);
  });

  test('a lease that ends gives the lead to the next, and the late holder can no longer confirm it', async () => {
    const { store, first, from } = await furnished(open());
    await store.submit(from(first.id));
    const [lead] = await store.claimDue('slow', 1, 20);
    expect(await store.claimDue('early', 1, 60_000)).toEqual([]);
    await pass(20);
    expect(await store.cancel({ partnerId: first.id, ...person })).toBe('already-processed');
    expect((await store.claimDue('next', 1, 60_000)).map(({ id }) => id)).toEqual([lead?.id]);
    await store.markDialled('slow', [lead?.id ?? '']);
    expect((await leadsIn(store))[0]?.state).toBe('scheduled');
    await store.markDialled('next', [lead?.id ?? '']);
    expect((await leadsIn(store))[0]?.state).toBe('dialled');
  });

  test('a replay can accept what had no type then, and both outcomes are kept', async () => {
    const { store, first, from } = await furnished(open());
    const submission = from(first.id, { type: 'later' });
    expect(await store.submit(submission)).toBe('unknown-type');
    expect((await store.replay(submission.id)).outcome).toBe('unknown-type');
    await store.addType('later', null);
    await store.grantType('first', 'later');
    expect((await store.replay(submission.id)).outcome).toBe('accepted');
    const [record] = await submissionsIn(store);
    expect(record?.outcome).toBe('unknown-type');
    expect(record?.replays.map(({ outcome }) => outcome)).toEqual(['unknown-type', 'accepted']);
    expect(record?.replays[1]?.leadId).toBe((await leadsIn(store))[0]?.id);
    expect(await Array.fromAsync(store.submissions({ outcome: 'unknown-type' }, 10))).toEqual([]);
    expect(await Array.fromAsync(store.submissions({ outcome: 'accepted' }, 10))).toHaveLength(1);
    await expect(store.replay('nothing')).rejects.toThrow(Mistake);
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
    await store.replay(old.id);
    await store.replay(fresh.id);
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

  test('keys are found by their digest until they are revoked', async () => {
    const { store, first } = await furnished(open());
    await store.addKey('first', 'key-1', 'digest-1');
    expect(await store.keyHolder('digest-1')).toEqual({ keyId: 'key-1', partner: first });
    expect(await store.keyHolder('digest-2')).toBeUndefined();
    await store.revokeKey('key-1');
    await store.revokeKey('key-1');
    expect(await store.keyHolder('digest-1')).toBeUndefined();
    expect(await Array.fromAsync(store.keys('second'))).toEqual([]);
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([{ id: 'key-1', partner: 'first' }]);
  });

  test('a wrong name is a mistake that changes nothing', async () => {
    const { store } = await furnished(open());
    await expect(store.addType('motor', null)).rejects.toThrow('There is a lead type "motor" already.');
    await expect(store.addPartner('first', [])).rejects.toThrow('There is a partner "first" already.');
    await expect(store.addPartner('third', ['motor', 'nothing'])).rejects.toThrow(Mistake);
    await expect(store.grantType('third', 'motor')).rejects.toThrow('There is no partner "third".');
    await expect(store.addKey('third', 'id', 'digest')).rejects.toThrow(Mistake);
    await expect(store.revokeKey('nothing')).rejects.toThrow(Mistake);
    await expect(Array.fromAsync(store.keys('third'))).rejects.toThrow(Mistake);
    expect((await Array.fromAsync(store.partners())).map(({ name }) => name)).toEqual(['first', 'second']);
  });

  test('a store is empty until it has a partner or a type', async () => {
    const store = open();
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
    expect(new Set(await Promise.all(writes))).toEqual(new Set(['accepted']));
  });
});
